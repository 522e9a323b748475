//! Commits of the live lane: mails, ledger, record of changes, events and cursor move together.

use std::collections::HashMap;
use std::sync::PoisonError;

use postrider_contracts::mailbox::SyncCompleted;
use postrider_domain::{HistoryId, MessageId};
use postrider_gmail::HistoryRecord;
use postrider_storage::TenantTx;

use super::apply::{Cx, Item, Origin, apply};
use super::events::EventMaker;
use super::fetch::Answer;
use super::live::{Finish, Pass};
use super::plan::UNREADABLE;
use super::session::Session;
use crate::error::EngineError;
use crate::rules::due::CHECK_AFTER;
use crate::rules::fold::{Action, fold};
use crate::rules::slices;
use crate::store::ledger::Tally;
use crate::store::mailboxes::{self, Guard};
use crate::store::{changes, ledger, queue, runs};

impl Session<'_> {
    /// Commits records in transactions of bounded size. A transaction that the database refuses for its content is
    /// cut in halves until the one poison mail is found, which is parked.
    pub(super) async fn commit_step(
        &self,
        pass: &mut Pass,
        step: &[HistoryRecord],
        mut answers: HashMap<MessageId, Answer>,
        mut cursor: HistoryId,
        finish: Option<&Finish>,
    ) -> Result<HistoryId, EngineError> {
        let mut rest = step;
        let mut most = usize::MAX;
        while let Some(last) = rest.last() {
            let fits = slices::leading(rest.iter().map(|record| weigh(record, &answers))).min(most);
            let (group, later) = rest.split_at(fits);
            let end = finish.filter(|_| later.is_empty());
            match Box::pin(self.commit(pass, group, &answers, end)).await {
                Ok(()) => {
                    cursor = group.last().map_or(last.id, |record| record.id);
                    rest = later;
                }
                Err(EngineError::Db(error)) if !error.is_transient() => {
                    tracing::error!(%error, records = group.len(), "the database refused a history step");
                    if group.len() > 1 {
                        most = group.len() / 2;
                    } else if !poison(group, &mut answers, &error) {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(cursor)
    }

    pub(super) async fn commit(
        &self,
        pass: &mut Pass,
        records: &[HistoryRecord],
        answers: &HashMap<MessageId, Answer>,
        finish: Option<&Finish>,
    ) -> Result<(), EngineError> {
        let guard = self.guard();
        let names = self.names();
        let now = self.now();
        let (mut tx, mailbox) = self.locked(&guard).await?;
        let unreadable = unreadable(records);
        let mut items: Vec<Item<'_>> =
            fold(records).into_iter().map(|action| Item { answer: answers.get(&action.message_id), action }).collect();
        items.extend(unreadable.iter().map(|(action, answer)| Item { action: action.clone(), answer: Some(answer) }));
        let cx = Cx {
            guard: &guard,
            mailbox: &mailbox,
            seams: self.engine.seams(),
            names: &names,
            origin: Origin::Live,
            cause: pass.cause,
            now,
        };
        let mut applied = apply(&mut tx, &cx, &items).await?;
        let not_seen = self.move_on(&tx, &guard, pass, records, (applied.tally, finish)).await?;
        let mut counts = pass.counts;
        counts.stored += crate::store::count(applied.stored);
        counts.deleted += crate::store::count(applied.deleted);
        counts.new_emails = counts.stored;
        if finish.is_some() {
            let maker = EventMaker { mailbox: &mailbox, seams: self.engine.seams(), trace: pass.cause.trace, now };
            for run in runs::complete_incremental(&mut tx, &guard, &pass.asked, counts, now).await? {
                applied.events.push(maker.make(&SyncCompleted { run: Some(run.state_message()) }));
            }
        }
        postrider_events::outbox::append(&mut tx, applied.events).await?;
        tx.commit().await?;
        pass.counts = counts;
        pass.records += records.len();
        pass.unknown_label |= applied.unknown_label;
        self.engine.metrics().applied(applied.tally, applied.stored);
        if not_seen > 0 {
            *self.check_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + CHECK_AFTER);
        }
        Ok(())
    }

    /// Moves ledger, history and cursor over the records, and at the end of the history everything that waits for it.
    /// The statements touch different rows: they share a round trip. Answers how many pushes were never seen.
    async fn move_on(
        &self,
        tx: &TenantTx,
        guard: &Guard,
        pass: &Pass,
        records: &[HistoryRecord],
        (tally, finish): (Tally, Option<&Finish>),
    ) -> Result<i64, EngineError> {
        let now = self.now();
        let last = records.last().map(|record| record.id);
        let cursor = async {
            match (finish, last) {
                (Some(finish), last) => {
                    let reached = last.map_or(finish.reached, |last| last.max(finish.reached));
                    mailboxes::caught_up(tx, guard, reached, pass.began).await
                }
                (None, Some(last)) => mailboxes::advance(tx, guard, last, now).await,
                (None, None) => Ok(()),
            }
        };
        let pushes = async {
            match finish {
                Some(finish) => queue::settle(tx, guard, finish.reached, now).await,
                None => Ok(0),
            }
        };
        let (_, _, (), not_seen) =
            tokio::try_join!(changes::insert(tx, guard, records, now), ledger::add(tx, guard, tally), cursor, pushes)?;
        Ok(not_seen)
    }
}

fn weigh(record: &HistoryRecord, answers: &HashMap<MessageId, Answer>) -> (usize, usize) {
    let named = record.added.iter().map(|entry| &entry.message_id);
    let named = named.chain(record.labels_added.iter().map(|entry| &entry.message_id));
    let named = named.chain(record.labels_removed.iter().map(|entry| &entry.message_id));
    let bytes = named.filter_map(|id| answers.get(id)).map(Answer::weight).sum();
    (record.entries(), bytes)
}

/// Entries that name no message are parked under a name of ours, so that the counts add up.
fn unreadable(records: &[HistoryRecord]) -> Vec<(Action, Answer)> {
    records
        .iter()
        .filter(|record| record.unreadable > 0)
        .filter_map(|record| {
            let id = MessageId::parse(format!("{UNREADABLE}{}", record.id)).ok()?;
            let changes = i32::try_from(record.unreadable).unwrap_or(i32::MAX);
            let action = Action { changes, ..Action::look_at(id, None, record.id) };
            Some((action, Answer::Poison("the entry names no usable message id".to_owned())))
        })
        .collect()
}

/// Turns the mails of one record into poison; `false` when there is none to blame.
fn poison(group: &[HistoryRecord], answers: &mut HashMap<MessageId, Answer>, error: &postrider_storage::Error) -> bool {
    let mut blamed = false;
    for action in fold(group) {
        if let Some(answer @ Answer::Mail(_)) = answers.get_mut(&action.message_id) {
            *answer = Answer::Poison(error.to_string());
            blamed = true;
        }
    }
    blamed
}
