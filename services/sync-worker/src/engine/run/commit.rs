//! Commits of a run: its row, its listing, its mails and its events move together.

use chrono::TimeDelta;
use postrider_contracts::mailbox::{MailboxCoverage, SyncCompleted, SyncProgressed};
use postrider_domain::{LabelId, MessageId, RunKind, RunState};

use super::RunLane;
use crate::content::fetched::Fetched;
use crate::engine::apply::{Commit, Look, Origin, apply, messages};
use crate::error::EngineError;
use crate::rules::due::next_audit;
use crate::store::runs::{self, Counts, Run, Step};
use crate::store::{listing, mailboxes};

/// At most one `sync.progressed` in this time.
const PROGRESS_EVERY: TimeDelta = TimeDelta::seconds(2);

impl<'l> RunLane<'l> {
    /// Moves the run: its state, its checkpoints, its listing.
    pub(super) async fn step(&mut self, step: Step, listed: &[MessageId]) -> Result<(), EngineError> {
        let mut commit = self.begin_commit().await?;
        let added = listing::insert(&mut commit.tx, &self.run, listed).await?;
        self.end_commit(commit, step.listed(added)).await
    }

    /// Keeps a page of the listing of what is not too old, and moves on behind it. What it names that no other page did is
    /// listed by it.
    pub(super) async fn step_window(&mut self, step: Step, listed: &[MessageId]) -> Result<(), EngineError> {
        let mut commit = self.begin_commit().await?;
        let added = listing::insert(&mut commit.tx, &self.run, listed).await?;
        listing::want(&commit.tx, &self.run, listed).await?;
        self.end_commit(commit, step.listed(added)).await
    }

    /// Keeps a page of a label's listing, and moves on behind it.
    pub(super) async fn step_label(
        &mut self,
        step: Step,
        label: &LabelId,
        listed: &[MessageId],
    ) -> Result<(), EngineError> {
        let commit = self.begin_commit().await?;
        listing::add_label(&commit.tx, &self.run, label, listed).await?;
        self.end_commit(commit, step).await
    }

    /// Commits what was looked at, and the checkpoint of `step`: every mail up to there is done with then.
    pub(super) async fn commit_looks(&mut self, looks: &[Look], step: Step) -> Result<(), EngineError> {
        let mut commit = self.begin_commit().await?;
        let applied = apply(&mut commit, Origin::Run(self.run.id, self.run.news()), messages(looks)).await?;
        let count = crate::store::count;
        let add = Counts {
            listed: 0,
            fetched: count(looks.iter().filter(|(_, fetched)| !matches!(fetched, Fetched::Unchanged(_))).count()),
            stored: count(applied.stored),
            new_emails: count(applied.stored),
            deleted: count(applied.deleted),
            failed: count(applied.parked),
            announced: count(applied.announced),
            untold: count(applied.untold),
        };
        self.end_commit(commit, Step { add, ..step }).await
    }

    /// Ends the run: every listed mail is in the mirror, parked, or left out; every other one was asked about.
    pub(super) async fn complete(&mut self) -> Result<(), EngineError> {
        let mut commit = self.begin_commit().await?;
        let step = Step { state: Some(RunState::Completed), ..Step::default() };
        let run = runs::advance(&mut commit.tx, &self.run, &step, commit.now).await?;
        let audit_at = next_audit(commit.now, commit.seams().entropy.unit());
        mailboxes::first_synced(&mut commit.tx, &commit.guard, commit.now, audit_at).await?;
        if run.kind == RunKind::Repair {
            mailboxes::repaired(&commit.tx, &commit.guard, run.began_at()).await?;
        }
        commit.tell(&SyncCompleted { run: Some(run.state_message()) });
        if run.kind == RunKind::Audit {
            commit.tell(&coverage(&run));
            // Ids are compared; what labels say of the newest mail is compared by the next look.
            mailboxes::postpone_look_back(&commit.tx, &commit.guard, commit.now).await?;
        }
        let connector = commit.guard.connector;
        commit.end().await?;
        tracing::info!(
            connector.id = %connector, run.id = %run.id, kind = %run.kind, stored = run.stored,
            deleted = run.deleted, parked = run.failed, "synced the mailbox"
        );
        self.run = run;
        Ok(())
    }

    /// Moves the run by `step`, with all that the commit brings.
    async fn end_commit(&mut self, mut commit: Commit<'_>, step: Step) -> Result<(), EngineError> {
        let run = self.advance(&mut commit, step).await?;
        commit.end().await?;
        self.run = run;
        Ok(())
    }

    async fn advance(&self, commit: &mut Commit<'_>, mut step: Step) -> Result<Run, EngineError> {
        if step.listing_complete && self.run.since.is_some() {
            step.outside = Some(listing::count_outside(&commit.tx, &self.run).await?);
        }
        let progressed = self.run.progressed_at.is_none_or(|at| commit.now - at >= PROGRESS_EVERY);
        let run = runs::advance(&mut commit.tx, &self.run, &Step { progressed, ..step }, commit.now).await?;
        if progressed {
            commit.tell(&SyncProgressed { run: Some(run.state_message()) });
        }
        Ok(run)
    }

    /// A run's commits prove its own generation: an answer from before a gap must not be written after it.
    async fn begin_commit(&self) -> Result<Commit<'l>, EngineError> {
        let mut guard = self.lease.guard();
        guard.generation = self.run.generation;
        Commit::begin(self.lease, guard, self.lease.own_cause()).await
    }
}

/// What an audit found, before it mended it.
fn coverage(run: &Run) -> MailboxCoverage {
    let n = |count: i64| u64::try_from(count).unwrap_or(0);
    let missing = run.new_emails + run.failed;
    let wanted = run.listed - run.outside;
    MailboxCoverage {
        in_gmail: n(wanted),
        in_mirror: n(wanted - missing + run.deleted),
        missing: n(missing),
        extra: n(run.deleted),
        run_id: run.id.to_string(),
    }
}
