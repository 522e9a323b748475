//! Where the mailbox's history begins: at the first contact, and anew after it broke off.

use postrider_contracts::mailbox::SyncStarted;
use postrider_domain::{RunId, RunKind, RunState};
use postrider_gmail::Lane;

use super::LiveLane;
use crate::engine::apply::Commit;
use crate::engine::boundary::{self, Boundary};
use crate::error::EngineError;
use crate::observe;
use crate::rules::due::LOOK_BACK_AFTER;
use crate::rules::words::RunReason;
use crate::store::mailboxes::Beginning;
use crate::store::runs::{NewRun, Step};
use crate::store::{mailboxes, runs};

impl LiveLane<'_> {
    /// The first contact: the cursor stands at the boundary, and a full run begins.
    pub(super) async fn start(&self) -> Result<(), EngineError> {
        let boundary = boundary::read(&self.lease.gmail(Lane::Live)).await?;
        self.begin_generation(0, RunKind::Full, RunReason::First, false, boundary).await
    }

    /// History is gone, or the mailbox was created anew: a new generation starts at a new boundary, and a run learns every
    /// mail again, finds what came and went in the gap, and takes the place of any run at work.
    pub(super) async fn start_over(&self, reason: RunReason) -> Result<(), EngineError> {
        let mailbox = self.lease.mailbox().await?;
        let mut boundary = boundary::read(&self.lease.gmail(Lane::Live)).await?;
        // What came since it was first told is live, though it took a while to be certain.
        for told in [mailbox.gone_head, mailbox.back_head].into_iter().flatten() {
            boundary.history_id = boundary.history_id.min(told);
        }
        let (kind, run_reason) = if mailbox.first_synced_at.is_none() {
            (RunKind::Full, RunReason::First)
        } else {
            (RunKind::Repair, reason)
        };
        observe::history_broke_off(&self.lease.parts.metrics, mailbox.connector, reason);
        self.begin_generation(1, kind, run_reason, reason == RunReason::Recreated, boundary).await
    }

    async fn begin_generation(
        &self,
        bump: i32,
        kind: RunKind,
        reason: RunReason,
        renumbered: bool,
        Boundary { history_id: boundary, total: total_estimate }: Boundary,
    ) -> Result<(), EngineError> {
        let guard = self.lease.guard();
        let generation = guard.generation + bump;
        let mut commit = Commit::begin(self.lease, guard, self.lease.own_cause()).await?;
        let now = commit.now;
        let news_since = commit.mailbox.gap_since().filter(|_| kind == RunKind::Repair);
        if let Some(run) = runs::find_active(&mut commit.tx, &commit.guard).await? {
            let step = Step { state: Some(RunState::Superseded), ..Step::default() };
            runs::advance(&mut commit.tx, &run, &step, now).await?;
        }
        let beginning = Beginning { generation, boundary, renumbered, look_back_at: now + LOOK_BACK_AFTER, news_since };
        mailboxes::start_over(&mut commit.tx, &commit.guard, &beginning, now).await?;
        let id = RunId(commit.seams().ids.uuid());
        let since = commit.mailbox.sync_since();
        let run = NewRun { id, kind, reason, generation, boundary, total_estimate, news_since, since };
        let run = runs::start(&mut commit.tx, &commit.guard, &run, now).await?;
        commit.tell(&SyncStarted { run: Some(run.state_message()) });
        commit.end().await?;
        self.lease.set_generation(generation);
        Ok(())
    }
}
