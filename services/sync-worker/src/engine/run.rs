//! The run lane: a run's slice of work beside the live lane. Every step is a small transaction with its checkpoint inside,
//! so that a kill anywhere resumes.

mod ahead;
mod commit;
mod failure;
mod fetching;
mod listing;
mod slots;

use postrider_contracts::mailbox::SyncStarted;
use postrider_domain::{RunKind, RunState};
use postrider_gmail::Lane;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::apply::Commit;
use super::boundary::{self, Boundary};
use super::failure::holds_run;
use super::fetch::Fetcher;
use super::lease::Lease;
use crate::error::EngineError;
use crate::rules::words::RunReason;
use crate::store::listing::refresh_statistics;
use crate::store::runs::{self, Run};
use failure::hold;
pub use slots::{Slots, Turn};

/// With this many rows the planner's statistics are good enough; below it a fresh mirror is fast without.
const STATISTICS_AFTER: i64 = 500;

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnOver {
    RunEnded,
    /// It failed and waits; the mailbox does not.
    RunWaits,
    /// Its time is over.
    WorkLeft,
}

/// One run of one lease.
pub struct RunLane<'l> {
    lease: &'l Lease<'l>,
    run: Run,
    /// Nothing failed since.
    begun: Instant,
}

impl<'l> RunLane<'l> {
    /// The run to work on, begun if it was queued. Incremental ones are done by the live lane itself.
    pub async fn next(lease: &'l Lease<'l>) -> Result<Option<Self>, EngineError> {
        let guard = lease.guard();
        let mut tx = lease.tenant().await?;
        let active = runs::find_active(&mut tx, &guard).await?;
        let queued = runs::list_queued(&tx, &guard).await?.into_iter().find(|run| lists(run.kind));
        tx.commit().await?;
        let Some(run) = active.or(queued) else { return Ok(None) };
        // It waits after a failure; the release makes the mailbox due for it.
        if run.not_before.is_some_and(|at| at > lease.parts.now()) {
            return Ok(None);
        }
        if run.state != RunState::Queued {
            return Ok(Some(Self::new(lease, run)));
        }
        match Box::pin(begin(lease, &run)).await {
            Ok(run) => Ok(Some(Self::new(lease, run))),
            Err(error) if holds_run(&error) => {
                hold(lease, run.id, &error).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn new(lease: &'l Lease<'l>, run: Run) -> Self {
        Self { lease, run, begun: Instant::now() }
    }

    /// Works on the run until its turn is over. `done` is set at the end in any case.
    pub async fn work(&mut self, turn: &Turn<'_>, done: &CancellationToken) -> Result<TurnOver, EngineError> {
        let _set = done.clone().drop_guard();
        match Box::pin(self.steps(turn)).await {
            Err(error) if holds_run(&error) => {
                hold(self.lease, self.run.id, &error).await?;
                Ok(TurnOver::RunWaits)
            }
            // The live lane started over: another run takes this one's place.
            Err(EngineError::BrokenOff) => Ok(TurnOver::RunEnded),
            over => over,
        }
    }

    async fn steps(&mut self, turn: &Turn<'_>) -> Result<TurnOver, EngineError> {
        loop {
            match self.run.state {
                RunState::Listing => Box::pin(self.list_page()).await?,
                RunState::Fetching => Box::pin(self.fetch_listed(turn)).await?,
                RunState::Confirming => Box::pin(self.confirm(turn)).await?,
                RunState::Queued
                | RunState::Erasing
                | RunState::Completed
                | RunState::Failed
                | RunState::Superseded => {
                    return Ok(TurnOver::RunEnded);
                }
            }
            if self.run.state.is_over() {
                continue;
            }
            self.goes_well().await?;
            if turn.is_over() || self.lease.parts.stopping() {
                return Ok(TurnOver::WorkLeft);
            }
        }
    }

    /// Fetches that count as this run's.
    fn fetcher(&self) -> Fetcher {
        let lane = match (self.run.kind, self.run.reason) {
            (RunKind::Repair, _) => Lane::Repair,
            (_, RunReason::Asked) => Lane::Asked,
            (RunKind::Audit, _) => Lane::Repair,
            _ => Lane::Backfill,
        };
        Fetcher::of_run(self.lease, lane)
    }

    /// A run without fresh statistics is slow, not wrong.
    async fn refresh_statistics(&self) {
        let refreshed = async {
            let mut tx = self.lease.system().await?;
            refresh_statistics(&mut tx).await?;
            tx.commit().await
        };
        if let Err(error) = refreshed.await {
            tracing::warn!(%error, "the planner's statistics are old");
        }
    }
}

/// Whether runs of a kind are worked on here: the live lane answers incremental ones, and a job erases.
fn lists(kind: RunKind) -> bool {
    matches!(kind, RunKind::Full | RunKind::Repair | RunKind::Audit)
}

/// Begins a run that somebody asked for, inside the current generation.
async fn begin(lease: &Lease<'_>, run: &Run) -> Result<Run, EngineError> {
    let Boundary { history_id, total } = boundary::read(&lease.gmail(Lane::Asked)).await?;
    let mut commit = Commit::begin(lease, lease.guard(), lease.own_cause()).await?;
    let beginning = runs::Beginning { boundary: history_id, total_estimate: total, since: commit.mailbox.sync_since() };
    let run = runs::begin(&mut commit.tx, &commit.guard, run.id, &beginning, commit.now).await?;
    commit.tell(&SyncStarted { run: Some(run.state_message()) });
    commit.end().await?;
    Ok(run)
}
