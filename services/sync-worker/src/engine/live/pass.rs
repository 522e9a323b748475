//! A pass: history from the cursor to its end, page by page, committed in small steps whose cursor is a record's id.

use std::collections::HashMap;

use postrider_domain::{HistoryId, MessageId, RunId, RunKind, Timestamp};
use postrider_gmail::{GmailError, HistoryPage, HistoryRecord, Lane};
use postrider_runtime::telemetry::span;
use postrider_storage::TenantTx;
use tracing::Instrument as _;

use super::LiveLane;
use crate::content::fetched::Fetched;
use crate::engine::fetch::{Batch, Fetcher};
use crate::error::EngineError;
use crate::rules::change::{Change, Fetch, fetch, fold};
use crate::rules::slices;
use crate::rules::words::RunReason;
use crate::store::emails;
use crate::store::mailboxes::{Guard, Mailbox};
use crate::store::queue::{self, Cause};
use crate::store::runs::{self, Counts};

/// Labels are read again when they are this old.
const LABELS_AGE: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// Up to this many new mails are fetched without looking whether they are there already.
const NOT_ASKED: usize = 8;

/// What one pass carries along.
pub struct Pass {
    pub(super) began: Timestamp,
    pub cause: Cause,
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
    pub async fn begin(tx: &TenantTx, guard: &Guard, began: Timestamp) -> Result<Self, postrider_storage::Error> {
        let (cause, queued) = tokio::try_join!(queue::cause(tx, guard), runs::list_queued(tx, guard))?;
        let asked = queued.into_iter().filter(|run| run.kind == RunKind::Incremental).map(|run| run.id).collect();
        let counts = Counts::default();
        Ok(Self { began, cause, asked, counts, records: 0, unknown_label: false, labels_read: false })
    }
}

impl LiveLane<'_> {
    /// Brings the mirror to the end of the history, and looks at parked messages.
    pub async fn pass(&mut self) -> Result<(), EngineError> {
        loop {
            let (mailbox, pass) = match self.opening.take() {
                Some(opening) => opening,
                None => tokio::try_join!(self.lease.mailbox(), self.begin())?,
            };
            if mailbox.labels_synced_at.is_none_or(|at| self.lease.parts.now() - at > LABELS_AGE) {
                self.read_labels().await;
            }
            let Some(cursor) = mailbox.cursor else {
                Box::pin(self.start()).await?;
                continue;
            };
            // A push that came while the mailbox was in work has its own trace.
            let span = span::job("live_pass", pass.cause.trace.unwrap_or(self.lease.trace));
            match Box::pin(self.follow(&mailbox, pass, cursor)).instrument(span).await {
                Ok(()) => {}
                Err(EngineError::Gmail(GmailError::HistoryGone)) => {
                    Box::pin(self.start_over(RunReason::HistoryExpired)).await?;
                    continue;
                }
                Err(EngineError::BrokenOff) => {
                    Box::pin(self.start_over(RunReason::Recreated)).await?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            Box::pin(self.look_at_parked()).await?;
            (self.seen, self.looked_at) = (mailbox.requested, self.lease.parts.now());
            return Ok(());
        }
    }

    async fn begin(&self) -> Result<Pass, EngineError> {
        let tx = self.lease.tenant().await?;
        let pass = Pass::begin(&tx, &self.lease.guard(), self.lease.parts.now()).await?;
        tx.commit().await?;
        Ok(pass)
    }

    async fn follow(&mut self, mailbox: &Mailbox, mut pass: Pass, start: HistoryId) -> Result<(), EngineError> {
        let fetcher = Fetcher::of(self.lease, Lane::Live, mailbox.attempts);
        let mut cursor = start;
        let mut reached = None;
        let mut token: Option<String> = None;
        loop {
            let page = match fetcher.gmail.history(start, token.as_deref()).await {
                // A page token that is not taken any more: the next pass starts at the cursor.
                Err(GmailError::BadRequest { .. } | GmailError::PageGone) if token.is_some() => {
                    return Err(GmailError::transient("a page token of the history is no longer valid").into());
                }
                page => page?,
            };
            // Changes that came while paging are for the next pass: the first page's id counts.
            let reached = *reached.get_or_insert(page.history_id);
            if page.history_id < start && fetcher.gmail.profile().await?.history_id < start {
                return Err(EngineError::BrokenOff);
            }
            token = page.next_page_token.clone();
            let end = token.is_none().then_some(reached.max(start));
            cursor = Box::pin(self.apply_page(&mut pass, &fetcher, page, cursor, end)).await?;
            if token.is_none() {
                break;
            }
        }
        if pass.unknown_label && !pass.labels_read {
            self.read_labels().await;
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

    /// Applies a page in steps; returns the cursor after the last of them. `end` is the end of the history, which the
    /// last page's last commit reaches.
    async fn apply_page(
        &mut self,
        pass: &mut Pass,
        fetcher: &Fetcher,
        page: HistoryPage,
        mut cursor: HistoryId,
        end: Option<HistoryId>,
    ) -> Result<HistoryId, EngineError> {
        // A record may come again at the top of a page: it is counted once.
        let mut records: Vec<HistoryRecord> = page.records;
        records.retain(|record| record.id > cursor);
        let mut rest = records.as_slice();
        let mut alone = false;
        while !rest.is_empty() {
            let fits = slices::leading(rest.iter().map(|record| (record.entries(), 0)));
            let (step, _) = rest.split_at(if alone { 1 } else { fits });
            let Batch { fetched, error, complete } = self.fetch_step(fetcher, step).await?;
            // With an error, or mails too large to hold them all, only what comes before the first mail that was not
            // fetched can be committed.
            let whole = if complete { step.len() } else { self.fetched(step, &fetched).await? };
            // A record whose own mails are too many is taken by itself.
            alone = whole == 0;
            let (ready, later) = rest.split_at(whole);
            let end = end.filter(|_| later.is_empty() && error.is_none());
            self.name_labels(pass, ready, &fetched).await;
            if let Some(last) = ready.last() {
                self.commit_records(pass, ready, fetched, end).await?;
                cursor = last.id;
            }
            if let Some(error) = error {
                return Err(error.into());
            }
            rest = later;
        }
        if end.is_some() && records.is_empty() {
            Box::pin(self.commit(pass, &[], &HashMap::new(), end)).await?;
        }
        Ok(cursor)
    }

    async fn fetch_step(&self, fetcher: &Fetcher, step: &[HistoryRecord]) -> Result<Batch, EngineError> {
        let wanted = self.wanted(step).await?;
        let connector = self.lease.guard().connector;
        tracing::debug!(connector.id = %connector, records = step.len(), fetches = wanted.len(), "history step");
        let ahead = if step.len() == 1 { usize::MAX } else { fetcher.ahead };
        let fetcher = Fetcher { concurrency: self.lease.concurrency(), ahead, ..fetcher.clone() };
        Ok(fetcher.all(wanted).await)
    }

    async fn wanted(&self, step: &[HistoryRecord]) -> Result<Vec<(MessageId, Fetch)>, EngineError> {
        let guard = self.lease.guard();
        let changes = fold(step);
        // Mail that was just delivered is not in the mirror: asking first costs every one of them more than the rare
        // fetch too many costs.
        let known = if changes.len() <= NOT_ASKED && changes.iter().all(|change| change.added.is_some()) {
            Vec::new()
        } else {
            let ids: Vec<MessageId> = changes.iter().map(|change| change.message_id.clone()).collect();
            let tx = self.lease.tenant().await?;
            let known = emails::list_known(&tx, &guard.tenant, guard.connector, &ids).await?;
            tx.commit().await?;
            known
        };
        let known: HashMap<_, _> = known.iter().map(|row| (&row.message_id, row)).collect();
        let want = |change: Change| {
            let fetch = fetch(&change, known.get(&change.message_id).copied(), guard.generation)?;
            Some((change.message_id, fetch))
        };
        Ok(changes.into_iter().filter_map(want).collect())
    }

    /// How many leading records have all that they need.
    async fn fetched(
        &self,
        step: &[HistoryRecord],
        fetched: &HashMap<MessageId, Fetched>,
    ) -> Result<usize, EngineError> {
        let missing: Vec<MessageId> =
            self.wanted(step).await?.into_iter().map(|(id, _)| id).filter(|id| !fetched.contains_key(id)).collect();
        let names = |record: &HistoryRecord| fold([record]).iter().any(|change| missing.contains(&change.message_id));
        Ok(step.iter().position(names).unwrap_or(step.len()))
    }
}
