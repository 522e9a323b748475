//! The live lane: follows Gmail's history, and says when the mailbox is due again. It never waits for a run.

mod boundary;
mod commit;
mod count;
mod labels;
mod look;
mod look_back;
mod parked;
mod pass;

use std::sync::Arc;

use postrider_domain::Timestamp;
use postrider_storage::TenantTx;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use pass::Pass;

use super::lease::Lease;
use crate::error::EngineError;
use crate::rules::due::{Due, Waits, next_due, next_poll};
use crate::rules::follow_up::{self, Fresh};
use crate::rules::settle::WHOLE_LOOK_EVERY;
use crate::store::mailboxes::{Mailbox, lease};

/// The live lane of one lease.
pub struct LiveLane<'l> {
    lease: &'l Lease<'l>,
    /// Told of marks made in this process.
    wake: Arc<Notify>,
    /// What the first pass starts from: the lease's row is fresh.
    opening: Option<(Mailbox, Pass)>,
    /// Marks seen before the last pass.
    seen: i64,
    /// When the last pass began.
    looked_at: Timestamp,
    /// How much of what may be taken off the wait for the next poll is, `[0, 1)`.
    early: f64,
    /// The last look was a quick one: a whole one is still to come.
    quick: bool,
    /// Ids were right again once in this pass.
    right_again: bool,
    /// Something odd was told: ask again then.
    check_at: Option<Timestamp>,
}

impl<'l> LiveLane<'l> {
    pub fn new(lease: &'l Lease<'l>, wake: Arc<Notify>, mailbox: Mailbox, pass: Pass) -> Self {
        let (seen, looked_at) = (mailbox.requested, pass.began);
        Self {
            lease,
            wake,
            opening: Some((mailbox, pass)),
            seen,
            looked_at,
            early: lease.parts.seams.entropy.unit(),
            quick: false,
            right_again: false,
            check_at: None,
        }
    }

    /// Works beside a run until it is `done`: whenever a mark comes, or a look is due.
    pub async fn keep(&mut self, done: &CancellationToken) -> Result<(), EngineError> {
        loop {
            tokio::select! {
                () = done.cancelled() => return Ok(()),
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.lease.parts.settings.live_tick) => {}
            }
            if done.is_cancelled() {
                return Ok(());
            }
            let tx = self.lease.tenant().await?;
            let (marked, waits) = self.waits(&tx).await?;
            tx.commit().await?;
            // The run is at work: nothing waits for it.
            let due = next_due(&Waits { run: None, ..waits }).is_some_and(|due| due.at <= self.lease.parts.now());
            if due || marked {
                self.pass().await?;
            }
        }
    }

    /// Whether a mark asks for a look, and what the mailbox waits for.
    async fn waits(&self, tx: &TenantTx) -> Result<(bool, Waits), EngineError> {
        let rows = lease::find_waiting(tx, &self.lease.guard()).await?.ok_or(EngineError::Fenced)?;
        let interval = self.lease.interval(rows.poll_interval_seconds, rows.push_until);
        let poll = next_poll(self.looked_at, interval, self.early);
        let fresh = Fresh {
            pushed_at: rows.pushed_at,
            pushed_id: rows.pushed_id,
            entry_at: rows.entry_at,
            cursor: rows.cursor.unwrap_or_default(),
        };
        let whole = rows.caught_up_at.filter(|_| self.quick).map(|at| at + WHOLE_LOOK_EVERY);
        let waits = Waits {
            poll: rows.monitored.then_some(poll),
            check: self.check_at.filter(|at| *at > self.looked_at),
            parked: rows.parked,
            early_push: follow_up::next(&fresh, self.looked_at)
                .into_iter()
                .chain(whole)
                .min()
                .filter(|_| rows.monitored),
            look_back: rows.look_back,
            run: rows.run,
        };
        Ok((rows.requested != self.seen && (rows.monitored || rows.asked), waits))
    }

    /// Gives the lease back for now; `false`: a mark came in between, go on.
    pub async fn release(&self) -> Result<bool, EngineError> {
        let tx = self.lease.tenant().await?;
        let (_, waits) = self.waits(&tx).await?;
        let released = lease::release(&tx, &self.lease.guard(), self.seen, next_due(&waits), false).await?;
        tx.commit().await?;
        Ok(released)
    }

    /// Gives the lease back with work left. Marks that came after the last pass keep their own, earlier time.
    pub async fn give_back(&self, due: Due) -> Result<(), EngineError> {
        let tx = self.lease.tenant().await?;
        lease::release(&tx, &self.lease.guard(), self.seen, Some(due), true).await?;
        Ok(tx.commit().await?)
    }
}
