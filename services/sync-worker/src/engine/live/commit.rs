//! Commits of the live lane: mails, ledger, record of changes, events and cursor move together.

use std::collections::HashMap;

use postrider_contracts::mailbox::SyncCompleted;
use postrider_domain::{MessageId, Timestamp};
use postrider_gmail::HistoryRecord;

use super::look::End;
use super::{LiveLane, Pass};
use crate::content::fetched::Fetched;
use crate::engine::apply::{Commit, Look, Origin, apply, messages};
use crate::error::EngineError;
use crate::rules::change::{Change, fold};
use crate::rules::decide::Message;
use crate::rules::due::LOOK_BACK_AFTER;
use crate::rules::{slices, unseen};
use crate::store::{changes, mailboxes, queue, runs};

impl LiveLane<'_> {
    /// Commits records in transactions of bounded size. A transaction that the database refuses for its content is
    /// cut in halves until the one poison mail is found, which is parked.
    pub(super) async fn commit_records(
        &mut self,
        pass: &mut Pass,
        records: &[HistoryRecord],
        mut fetched: HashMap<MessageId, Fetched>,
        end: Option<End>,
    ) -> Result<(), EngineError> {
        let mut rest = records;
        let mut most = usize::MAX;
        while !rest.is_empty() {
            let fits = slices::leading(rest.iter().map(|record| weigh(record, &fetched))).min(most);
            let (group, later) = rest.split_at(fits);
            let end = end.filter(|_| later.is_empty());
            match Box::pin(self.commit(pass, group, &fetched, end)).await {
                Ok(()) => rest = later,
                Err(EngineError::Db(error)) if !error.is_transient() => {
                    tracing::error!(%error, records = group.len(), "the database refused a history step");
                    if group.len() > 1 {
                        most = group.len() / 2;
                    } else if !poison(group, &mut fetched, &error) {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Commits records, and at the `end` of a look all that waits for it.
    pub(super) async fn commit(
        &mut self,
        pass: &mut Pass,
        records: &[HistoryRecord],
        fetched: &HashMap<MessageId, Fetched>,
        end: Option<End>,
    ) -> Result<(), EngineError> {
        let mut commit = Commit::begin(self.lease, self.lease.guard(), pass.cause).await?;
        let (changes, unreadable) = (fold(records), unreadable(records));
        let mut all: Vec<Message<'_>> =
            changes.iter().map(|change| Message::new(change, fetched.get(&change.message_id))).collect();
        all.extend(messages(&unreadable));
        let applied = apply(&mut commit, Origin::Live, all).await?;
        if !unreadable.is_empty() {
            // What they were about shows where listings and the mirror differ.
            mailboxes::want_look_back(&commit.tx, &commit.guard, commit.now + LOOK_BACK_AFTER).await?;
        }
        let waited = move_on(&commit, pass, records, end).await?;
        let mut counts = pass.counts;
        counts.stored += crate::store::count(applied.stored);
        counts.deleted += crate::store::count(applied.deleted);
        counts.new_emails = counts.stored;
        if end.is_some() {
            let asked = runs::complete_incremental(&mut commit.tx, &commit.guard, &pass.asked, counts, commit.now);
            for run in asked.await? {
                commit.tell(&SyncCompleted { run: Some(run.state_message()) });
            }
        }
        let now = commit.now;
        commit.end().await?;
        self.lease.parts.metrics.pushes_applied(waited.into_iter().map(|at| now - at));
        pass.seen.add_all(records);
        pass.counts = counts;
        pass.records += records.len();
        pass.unknown_label |= applied.unknown_label;
        Ok(())
    }
}

/// Moves record of changes and cursor over the records, and at the end of a look everything that waits for it. The
/// statements touch different rows: they share a round trip. Tells when the pushes that it applied were published.
async fn move_on(
    commit: &Commit<'_>,
    pass: &Pass,
    records: &[HistoryRecord],
    end: Option<End>,
) -> Result<Vec<Timestamp>, EngineError> {
    let (tx, guard, now) = (&commit.tx, &commit.guard, commit.now);
    let last = records.iter().map(|record| record.id).max();
    let place = async {
        match (&end, last) {
            (Some(end), last) => mailboxes::looked(tx, guard, &end.standing, last.map(|_| now)).await,
            (None, Some(last)) => mailboxes::advance(tx, guard, last, now).await,
            (None, None) => Ok(()),
        }
    };
    let pushes = async {
        match &end {
            Some(end) => queue::settle(tx, guard, end.reached, pass.began, now).await,
            None => Ok(Vec::new()),
        }
    };
    let ((), (), applied) = tokio::try_join!(changes::insert(tx, guard, records, now), place, pushes)?;
    Ok(applied)
}

fn weigh(record: &HistoryRecord, fetched: &HashMap<MessageId, Fetched>) -> (usize, usize) {
    let named = record.added.iter().map(|entry| &entry.message_id);
    let named = named.chain(record.labels_added.iter().map(|entry| &entry.message_id));
    let named = named.chain(record.labels_removed.iter().map(|entry| &entry.message_id));
    let named = named.chain(record.named.iter().map(|entry| &entry.message_id));
    let bytes = named.filter_map(|id| fetched.get(id)).map(Fetched::weight).sum();
    (record.entries(), bytes)
}

/// Entries that name no message are parked under a name of ours, so that the counts add up.
fn unreadable(records: &[HistoryRecord]) -> Vec<Look> {
    records
        .iter()
        .filter(|record| record.unreadable > 0)
        .filter_map(|record| {
            let change = Change { entries: 1, ..Change::look_at(unseen::unreadable(record.id)?, None, record.id) };
            Some((change, Fetched::Poison("the entry names no usable message id".to_owned())))
        })
        .collect()
}

/// Turns the mails of one record into poison; `false` when there is none to blame.
fn poison(
    group: &[HistoryRecord],
    fetched: &mut HashMap<MessageId, Fetched>,
    error: &postrider_storage::Error,
) -> bool {
    let mut blamed = false;
    for change in fold(group) {
        if let Some(mail @ Fetched::Mail(_)) = fetched.get_mut(&change.message_id) {
            *mail = Fetched::Poison(error.to_string());
            blamed = true;
        }
    }
    blamed
}
