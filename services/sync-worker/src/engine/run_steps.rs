//! Transactions of a run: its row, its listing, its mails and its events move together.

use chrono::TimeDelta;
use postrider_contracts::NewEvent;
use postrider_contracts::mailbox::{SyncCompleted, SyncProgressed};
use postrider_domain::{MessageId, RunState, Timestamp};
use postrider_storage::TenantTx;

use super::apply::{Cx, Item, apply};
use super::backfill::origin;
use super::events::EventMaker;
use super::fetch::Answer;
use super::session::Session;
use crate::error::EngineError;
use crate::rules::decide::Known;
use crate::rules::fold::Action;
use crate::store::listing;
use crate::store::mailboxes::{self, Guard, Mailbox};
use crate::store::runs::{self, Counts, Run, Step};
use crate::store::{emails, ledger};

/// At most one `sync.progressed` in this time.
const PROGRESS_EVERY: TimeDelta = TimeDelta::seconds(2);

/// What a run learnt, to be committed together.
pub(super) struct Fetches {
    pub items: Vec<(Action, Answer)>,
    pub add: Counts,
    /// The checkpoint once they are committed.
    pub settled: i64,
}

impl Session<'_> {
    /// Moves the run: its state, its checkpoints, its listing.
    pub(super) async fn step(&self, run: &Run, mut step: Step, listed: &[MessageId]) -> Result<Run, EngineError> {
        let (guard, now) = (self.run_guard(run), self.now());
        let (mut tx, mailbox) = self.locked(&guard).await?;
        let added = listing::insert(&mut tx, run, listed).await?;
        step.add.listed += crate::store::count(added);
        let (run, events) = self.advance(&mut tx, &mailbox, run, step, now).await?;
        postrider_events::outbox::append(&mut tx, events).await?;
        tx.commit().await?;
        Ok(run)
    }

    /// Commits what was fetched.
    pub(super) async fn store(&self, run: &Run, fetches: &Fetches) -> Result<Run, EngineError> {
        let (guard, now) = (self.run_guard(run), self.now());
        let names = self.names();
        let (mut tx, mailbox) = self.locked(&guard).await?;
        let cx = Cx {
            guard: &guard,
            mailbox: &mailbox,
            seams: self.engine.seams(),
            names: &names,
            origin: origin(run),
            cause: self.own_cause(),
            now,
        };
        let items: Vec<Item<'_>> = fetches
            .items
            .iter()
            .map(|(action, answer)| Item { action: action.clone(), answer: Some(answer) })
            .collect();
        let mut applied = apply(&mut tx, &cx, &items).await?;
        ledger::add(&tx, &guard, applied.tally).await?;
        let stored = crate::store::count(applied.stored);
        let add = Counts {
            stored: fetches.add.stored + stored,
            new_emails: fetches.add.new_emails + stored,
            deleted: fetches.add.deleted + crate::store::count(applied.deleted),
            failed: fetches.add.failed + crate::store::count(applied.parked.len()),
            ..fetches.add
        };
        let (run, events) = self
            .advance(&mut tx, &mailbox, run, Step { add, settled: fetches.settled, ..Step::default() }, now)
            .await?;
        applied.events.extend(events);
        postrider_events::outbox::append(&mut tx, applied.events).await?;
        tx.commit().await?;
        self.engine.metrics().applied(applied.tally, applied.stored);
        Ok(run)
    }

    /// Ends the run: every listed mail is in the mirror, parked, or left out; every other one was asked about.
    pub(super) async fn complete(&self, run: &Run) -> Result<Run, EngineError> {
        let (guard, now) = (self.run_guard(run), self.now());
        let (mut tx, mailbox) = self.locked(&guard).await?;
        let ended =
            runs::advance(&mut tx, run, &Step { state: Some(RunState::Completed), ..Step::default() }, now).await?;
        listing::clear(&mut tx, run).await?;
        mailboxes::first_synced(&mut tx, &guard, now).await?;
        let maker = EventMaker { mailbox: &mailbox, seams: self.engine.seams(), trace: Some(self.trace), now };
        let completed = maker.make(&SyncCompleted { run: Some(ended.state_message()) });
        postrider_events::outbox::append(&mut tx, vec![completed]).await?;
        tx.commit().await?;
        tracing::info!(
            connector.id = %guard.connector, run.id = %ended.id, kind = %ended.kind, stored = ended.stored,
            deleted = ended.deleted, parked = ended.failed, "synced the mailbox"
        );
        Ok(ended)
    }

    async fn advance(
        &self,
        tx: &mut TenantTx,
        mailbox: &Mailbox,
        run: &Run,
        step: Step,
        now: Timestamp,
    ) -> Result<(Run, Vec<NewEvent>), EngineError> {
        let progressed = run.progressed_at.is_none_or(|at| now - at >= PROGRESS_EVERY);
        let run = runs::advance(tx, run, &Step { progressed, ..step }, now).await?;
        let maker = EventMaker { mailbox, seams: self.engine.seams(), trace: Some(self.trace), now };
        let event = progressed.then(|| maker.make(&SyncProgressed { run: Some(run.state_message()) }));
        Ok((run, event.into_iter().collect()))
    }

    pub(super) async fn unlisted(&self, run: &Run) -> Result<emails::Unlisted, EngineError> {
        let mut tx = self.engine.db().tenant(&run.tenant).await?;
        let counts = emails::count_unlisted(&mut tx, run).await?;
        tx.commit().await?;
        Ok(counts)
    }

    pub(super) async fn list_unlisted(&self, run: &Run, after: &str, limit: usize) -> Result<Vec<Known>, EngineError> {
        let mut tx = self.engine.db().tenant(&run.tenant).await?;
        let rows = emails::list_unlisted(&mut tx, run, after, limit).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// A run's commits prove its own generation: an answer from before a gap must not be written after it.
    fn run_guard(&self, run: &Run) -> Guard {
        Guard { generation: run.generation, ..self.guard() }
    }
}
