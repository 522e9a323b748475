//! The live lane: history from the cursor to its end, committed in small steps whose cursor is a record's id.

use std::collections::HashMap;

use postrider_domain::{HistoryId, MessageId, RunId, RunKind, Timestamp};
use postrider_gmail::{GmailError, Lane};
use postrider_gmail::{HistoryPage, HistoryRecord};
use postrider_runtime::telemetry::span;
use postrider_storage::TenantTx;
use tracing::Instrument as _;

use super::boundary;
use super::fetch::{Answer, Fetches, fetch_all};
use super::session::Session;
use crate::error::EngineError;
use crate::rules::decide::{Need, need};
use crate::rules::fold::fold;
use crate::rules::slices;
use crate::rules::words::RunReason;
use crate::store::mailboxes::{Guard, Mailbox};
use crate::store::queue::{self, Cause};
use crate::store::runs::Counts;
use crate::store::{emails, runs};

/// Labels are read again when they are this old.
const LABELS_AGE: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// Up to this many new mails are fetched without looking whether they are there already.
const NOT_ASKED: usize = 8;

/// What one pass carries along.
pub(super) struct Pass {
    pub(super) began: Timestamp,
    pub(super) cause: Cause,
    /// Incremental runs that were queued before the pass began.
    pub(super) asked: Vec<RunId>,
    pub(super) counts: Counts,
    /// History records applied so far.
    pub(super) records: usize,
    pub(super) unknown_label: bool,
    /// The labels' names were read in this pass.
    pub(super) labels_read: bool,
}

impl Pass {
    /// Reads what the pass will have seen to: before its first look at the history, or it would claim too much.
    pub(super) async fn begin(
        tx: &TenantTx,
        guard: &Guard,
        began: Timestamp,
    ) -> Result<Self, postrider_storage::Error> {
        let (cause, queued) = tokio::try_join!(queue::cause(tx, guard), runs::list_queued(tx, guard))?;
        let asked = queued.into_iter().filter(|run| run.kind == RunKind::Incremental).map(|run| run.id).collect();
        Ok(Self {
            began,
            cause,
            asked,
            counts: Counts::default(),
            records: 0,
            unknown_label: false,
            labels_read: false,
        })
    }
}

/// The end of the history, reached with the last commit of a pass.
pub(super) struct Finish {
    pub(super) reached: HistoryId,
}

impl Session<'_> {
    /// Brings the mirror to the end of the history. Answers the marks that were there before the first look.
    pub(super) async fn live_pass(&self) -> Result<i64, EngineError> {
        let mut opening = self.take_opening();
        loop {
            let (mailbox, pass) = match opening.take() {
                Some(opening) => opening,
                None => tokio::try_join!(self.mailbox(), self.begin_pass())?,
            };
            if mailbox.labels_synced_at.is_none_or(|at| self.now() - at > LABELS_AGE) {
                Box::pin(self.read_labels()).await;
            }
            let Some(cursor) = mailbox.cursor else {
                Box::pin(boundary::first(self)).await?;
                continue;
            };
            // A push that came while the mailbox was in work has its own trace.
            let span = span::job("live_pass", pass.cause.trace.unwrap_or(self.trace));
            match Box::pin(self.follow(&mailbox, pass, cursor)).instrument(span).await {
                Ok(()) => {}
                Err(EngineError::Gmail(GmailError::HistoryGone)) => {
                    Box::pin(boundary::start_over(self, RunReason::HistoryExpired)).await?;
                    continue;
                }
                Err(EngineError::BrokenOff) => {
                    Box::pin(boundary::start_over(self, RunReason::Recreated)).await?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            Box::pin(self.look_at_parked()).await?;
            return Ok(mailbox.requested);
        }
    }

    async fn follow(&self, mailbox: &Mailbox, mut pass: Pass, start: HistoryId) -> Result<(), EngineError> {
        let gmail = self.lane(Lane::Live);
        let mut cursor = start;
        let mut reached = None;
        let mut token: Option<String> = None;
        loop {
            let page = match gmail.history(start, token.as_deref()).await {
                // A page token that is not taken any more: the next pass starts at the cursor.
                Err(GmailError::BadRequest { .. } | GmailError::PageGone) if token.is_some() => {
                    return Err(GmailError::transient("a page token of the history is no longer valid").into());
                }
                page => page?,
            };
            // Changes that came while paging are for the next pass: the first page's id counts.
            let reached = *reached.get_or_insert(page.history_id);
            if page.history_id < start && gmail.profile().await?.history_id < start {
                return Err(EngineError::BrokenOff);
            }
            token = page.next_page_token.clone();
            let finish = token.is_none().then_some(Finish { reached: reached.max(start) });
            cursor = Box::pin(self.apply_page(mailbox, &mut pass, page, cursor, finish)).await?;
            if token.is_none() {
                break;
            }
        }
        if pass.unknown_label && !pass.labels_read {
            Box::pin(self.read_labels()).await;
        }
        let Pass { records, counts, cause, .. } = pass;
        let connector = mailbox.connector;
        if records > 0 || cause.trace.is_some() {
            let (stored, deleted) = (counts.stored, counts.deleted);
            tracing::info!(connector.id = %connector, history.id = %cursor, records, stored, deleted, "followed history");
        } else {
            tracing::debug!(connector.id = %connector, history.id = %cursor, "no history to follow");
        }
        Ok(())
    }

    async fn begin_pass(&self) -> Result<Pass, EngineError> {
        let guard = self.guard();
        let tx = self.engine.db().tenant(&guard.tenant).await?;
        let pass = Pass::begin(&tx, &guard, self.now()).await?;
        tx.commit().await?;
        Ok(pass)
    }

    /// Applies a page in steps; answers the cursor after the last of them.
    async fn apply_page(
        &self,
        mailbox: &Mailbox,
        pass: &mut Pass,
        page: HistoryPage,
        mut cursor: HistoryId,
        finish: Option<Finish>,
    ) -> Result<HistoryId, EngineError> {
        // A record may come again at the top of a page: it is counted once.
        let mut records: Vec<HistoryRecord> = page.records;
        records.retain(|record| record.id > cursor);
        let mut rest = records.as_slice();
        let mut alone = false;
        while !rest.is_empty() {
            let fits = slices::leading(rest.iter().map(|record| (record.entries(), 0)));
            let (step, _) = rest.split_at(if alone { 1 } else { fits });
            let Fetches { answers, error, complete } = self.fetch_step(mailbox, step).await?;
            // With an error, or mails too large to hold them all, only what comes before the first mail without an
            // answer can be committed.
            let whole = if complete { step.len() } else { self.answered(step, &answers).await? };
            // A record whose own mails are too many is taken by itself.
            alone = whole == 0;
            let (ready, later) = rest.split_at(whole);
            let finish = finish.as_ref().filter(|_| later.is_empty() && error.is_none());
            self.name_labels(pass, ready, &answers).await;
            cursor = self.commit_step(pass, ready, answers, cursor, finish).await?;
            if let Some(error) = error {
                return Err(error.into());
            }
            rest = later;
        }
        if let Some(finish) = finish.filter(|_| records.is_empty()) {
            Box::pin(self.commit(pass, &[], &HashMap::new(), Some(&finish))).await?;
        }
        Ok(cursor)
    }

    async fn needs(&self, step: &[HistoryRecord]) -> Result<Vec<(MessageId, Need)>, EngineError> {
        let guard = self.guard();
        let actions = fold(step);
        // Mail that was just delivered is not in the mirror: asking first costs every one of them more than the rare
        // fetch too many costs.
        if actions.len() <= NOT_ASKED && actions.iter().all(|action| action.added.is_some()) {
            let wanted = actions.iter().map(|action| (action.message_id.clone(), need(action, None, guard.generation)));
            return Ok(wanted.filter(|(_, need)| *need != Need::Nothing).collect());
        }
        let ids: Vec<MessageId> = actions.iter().map(|action| action.message_id.clone()).collect();
        let tx = self.engine.db().tenant(&guard.tenant).await?;
        let known = emails::list_known(&tx, &guard.tenant, guard.connector, &ids).await?;
        tx.commit().await?;
        let known: HashMap<_, _> = known.iter().map(|row| (&row.message_id, row)).collect();
        let wanted = actions
            .iter()
            .map(|action| {
                (action.message_id.clone(), need(action, known.get(&action.message_id).copied(), guard.generation))
            })
            .filter(|(_, need)| *need != Need::Nothing)
            .collect();
        Ok(wanted)
    }

    async fn fetch_step(&self, mailbox: &Mailbox, step: &[HistoryRecord]) -> Result<Fetches, EngineError> {
        let wanted = self.needs(step).await?;
        tracing::debug!(connector.id = %mailbox.connector, records = step.len(), fetches = wanted.len(), "history step");
        let patience = self.patience(mailbox.attempts);
        let ahead = if step.len() == 1 { usize::MAX } else { self.ahead() };
        Ok(Box::pin(fetch_all(&self.lane(Lane::Live), wanted, (self.concurrency(), ahead), patience)).await)
    }

    /// How many leading records have every answer they need.
    async fn answered(
        &self,
        step: &[HistoryRecord],
        answers: &HashMap<MessageId, Answer>,
    ) -> Result<usize, EngineError> {
        let missing: Vec<MessageId> =
            self.needs(step).await?.into_iter().map(|(id, _)| id).filter(|id| !answers.contains_key(id)).collect();
        let names = |record: &HistoryRecord| fold([record]).iter().any(|action| missing.contains(&action.message_id));
        Ok(step.iter().position(names).unwrap_or(step.len()))
    }
}
