//! The backfill lane: a run's slice of work. Every step is a small transaction with its checkpoint inside, so that a
//! kill anywhere resumes.

use postrider_domain::{MessageId, RunKind, RunState};
use postrider_gmail::{GmailError, Lane};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::apply::Origin;
use super::fetch::{Answer, fetch_all};
use super::fetch_ahead::STATISTICS_AFTER;
use super::run_failure;
use super::run_steps::Fetches;
use super::session::Session;
use crate::error::EngineError;
use crate::rules::decide::Need;
use crate::rules::fold::Action;
use crate::rules::words::RunReason;
use crate::store::emails::Unlisted;
use crate::store::runs::{Counts, Run, Step};

/// Deletions confirmed at once.
const CONFIRM: usize = 50;
/// More than one in this many mails looks deleted: list once more before asking for each.
const SUSPICIOUS: i64 = 100;

/// Why a slice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SliceOver {
    RunEnded,
    /// It failed and waits; the mailbox does not.
    RunWaits,
    /// The time is over.
    WorkLeft,
}

impl Session<'_> {
    /// Works on a run for a slice of time. `done` is set at the end in any case.
    pub(super) async fn backfill_slice(&self, run: Run, done: &CancellationToken) -> Result<SliceOver, EngineError> {
        let _set = done.clone().drop_guard();
        match Box::pin(self.work_slice(run)).await {
            Err(EngineError::Gmail(error)) if run_failure::is_the_runs(&error) => {
                self.hold_run(&error).await?;
                Ok(SliceOver::RunWaits)
            }
            over => over,
        }
    }

    async fn work_slice(&self, run: Run) -> Result<SliceOver, EngineError> {
        let until = Instant::now() + self.engine.settings().backfill_slice;
        let mut run = run;
        loop {
            let next = match run.state {
                RunState::Listing => Box::pin(self.list_page(&run)).await,
                RunState::Fetching => Box::pin(self.fetch_listed(&run, until)).await,
                RunState::Confirming => Box::pin(self.confirm(&run)).await,
                RunState::Queued | RunState::Completed | RunState::Failed | RunState::Superseded => {
                    return Ok(SliceOver::RunEnded);
                }
            };
            run = match next {
                Ok(run) => run,
                // The live lane started over: another run takes this one's place.
                Err(EngineError::BrokenOff) => return Ok(SliceOver::RunEnded),
                Err(error) => return Err(error),
            };
            if !run.state.is_over() && (Instant::now() >= until || self.engine.stopping()) {
                return Ok(SliceOver::WorkLeft);
            }
        }
    }

    pub(super) fn run_lane(run: &Run) -> Lane {
        match (run.kind, run.reason) {
            (RunKind::Repair, _) => Lane::Repair,
            (_, RunReason::Asked) => Lane::Asked,
            _ => Lane::Backfill,
        }
    }

    async fn list_page(&self, run: &Run) -> Result<Run, EngineError> {
        let gmail = self.lane(Self::run_lane(run));
        let page = match gmail.list_messages(run.page_token.as_deref(), None, true).await {
            Ok(page) => page,
            // The token is too old: the listing starts again. What was listed stays; its boundary still holds.
            Err(GmailError::PageGone | GmailError::BadRequest { .. } | GmailError::NotFound)
                if run.page_token.is_some() =>
            {
                let step = Step { page_token: Some(None), ..Step::default() };
                return self.step(run, step, &[]).await;
            }
            Err(error) => return Err(error.into()),
        };
        let ids: Vec<MessageId> = page.ids.into_iter().map(|(id, _)| id).collect();
        let complete = page.next_page_token.is_none();
        let step = Step {
            page_token: Some(page.next_page_token),
            listing_complete: complete,
            state: complete.then_some(RunState::Fetching),
            ..Step::default()
        };
        let run = self.step(run, step, &ids).await?;
        if complete && run.listed >= STATISTICS_AFTER {
            self.refresh_statistics().await;
        }
        Ok(run)
    }

    /// Asks Gmail about every mail that a complete listing did not name, and buries what is answered 404 (law 4).
    async fn confirm(&self, run: &Run) -> Result<Run, EngineError> {
        let gmail = self.lane(Self::run_lane(run));
        let Unlisted { alive, unlisted } = self.unlisted(run).await?;
        if unlisted.saturating_mul(SUSPICIOUS) > alive && run.pass == 1 {
            let step =
                Step { state: Some(RunState::Listing), page_token: Some(None), next_pass: true, ..Step::default() };
            return self.step(run, step, &[]).await;
        }
        let (mut run, mut after) = (run.clone(), String::new());
        loop {
            let candidates = self.list_unlisted(&run, &after, CONFIRM).await?;
            let Some(last) = candidates.last() else { break };
            after = last.message_id.to_string();
            let wanted = candidates.iter().map(|row| (row.message_id.clone(), Need::Meta)).collect();
            let patience = self.patience(run.attempts);
            let fetched = Box::pin(fetch_all(&gmail, wanted, (self.concurrency(), self.ahead()), patience)).await;
            let (answers, error) = (fetched.answers, fetched.error);
            let items: Vec<(Action, Answer)> = candidates
                .into_iter()
                .filter_map(|row| {
                    let answer = answers.get(&row.message_id)?.clone();
                    let missing = matches!(answer, Answer::Missing);
                    let action = Action::look_at(row.message_id, None, run.boundary);
                    Some((Action { deleted: missing.then_some(run.boundary), ..action }, answer))
                })
                .collect();
            let fetched = crate::store::count(items.len());
            let fetches = Fetches { items, add: Counts { fetched, ..Counts::default() }, settled: 0 };
            run = Box::pin(self.store(&run, &fetches)).await?;
            if let Some(error) = error {
                return Err(error.into());
            }
        }
        Box::pin(self.complete(&run)).await
    }
}

/// Where a run's mails come from.
pub(super) fn origin(run: &Run) -> Origin {
    Origin::Run(run.id)
}
