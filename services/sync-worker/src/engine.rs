//! The mailbox engine: leases mailboxes that are due and brings their mirror up to date in two lanes.
//!
//! It takes its database, Gmail, clock, ids and randomness as parameters and can be driven one mailbox at a time
//! ([`Engine::run_mailbox`]), so that tests drop it at any await and look at what is left.
//!
//! From a push to the row, file by file; every arrow is a call:
//!
//! ```text
//! consumers/mailbox_changed  a batch of pushes
//!   -> store/queue::enqueue_…    rows of the queue; their mailboxes are marked and due
//!   -> wakes::marked             those in work here look at once, for the others the scan does
//! jobs/due_scan              a tick, or a wake
//!   -> engine::acquire_due       store/mailboxes/due: epoch + 1, leased for 30 s
//!   -> engine::work              lease: what the lanes share; heartbeat beside it; then in turns
//!        live/pass::pass             a look at the history, from where rules/settle says, judged by the head it tells
//!          live/look::follow             page by page; what was met before is skipped (rules/unseen)
//!          rules/change::fold            records -> one change for each message
//!          rules/change::fetch           change -> what to fetch
//!          fetch::all                    -> fetched (content: parsed, cut, packed)
//!          live/commit::commit           one transaction under the mailbox's lock:
//!            apply::apply                    what the mirror knows, read under the lock
//!              rules/decide::decide              change, fetched, known -> row, or parked
//!              apply::Rows::write               rows, labels, sources, ledger (store/emails/write …)
//!              apply/tell                        events
//!            record of changes, place, pushes; apply/commit::end: outbox, commit
//!        live/parked                 parked messages that are due: fetch, apply
//!        live/look_back              after a boundary: listings against the mirror, differences fetched
//!        run::next, run::slice       a run's turn, through the same apply, while live::keep goes on beside it
//!        live::release               rules/due::next_due, rules/follow_up: when the mailbox is due again, refused after a new mark
//! ```
//!
//! `engine.rs` alone knows both lanes. They share `lease`, `fetch` and `boundary`, and everything they commit is an
//! `apply::Commit`, which holds the mailbox's row by epoch and generation.

pub mod access;
mod apply;
mod boundary;
mod clock_check;
mod failure;
mod fetch;
pub mod google_access;
mod lease;
mod live;
mod parts;
mod run;
mod wakes;

use std::sync::Arc;

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, Timestamp};
use postrider_runtime::telemetry::span;
use postrider_storage::Db;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

pub use access::{GmailAccess, GmailLanes, Refused};
pub use parts::{Parts, Settings};
pub use wakes::Wakes;

use crate::error::EngineError;
use crate::metrics::Metrics;
use crate::rules::due::{Due, DueReason};
use crate::store::labels;
use crate::store::mailboxes::Mailbox;
use crate::store::mailboxes::due::{self, Leased};
use clock_check::ClockCheck;
use lease::Lease;
use live::{LiveLane, Pass};
use run::{RunLane, Slots, Turn, TurnOver};

/// How long a mailbox with a run waits for a free backfill slot, at most and at least half of it. A push makes it due
/// before: only its backfill waits. Short enough for a free slot to be seen soon, long enough for a thousand that wait not
/// to be a load of their own.
const SLOT_WAIT_SECONDS: f64 = 20.0;
/// The same for those that the next free slots are for.
const NEXT_SLOT_WAIT_SECONDS: f64 = 2.0;

/// The engine of one process. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// The pool as runs see it: smaller, so that backfills cannot hold every connection.
    run_db: Db,
    backfills: Slots,
    wakes: Wakes,
    clock: ClockCheck,
}

impl Engine {
    pub fn new(parts: Parts) -> Self {
        let backfills = Slots::new(parts.settings.max_backfills);
        let run_db = parts.db.lane(parts.settings.run_connections);
        Self(Arc::new(Inner { parts, run_db, backfills, wakes: Wakes::default(), clock: ClockCheck::default() }))
    }

    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// Counters of the engine.
    pub fn metrics(&self) -> &Metrics {
        &self.0.parts.metrics
    }

    /// Where consumers tell which mailboxes were marked.
    pub fn wakes(&self) -> &Wakes {
        &self.0.wakes
    }

    fn now(&self) -> Timestamp {
        self.0.parts.now()
    }

    /// Gmail of a mailbox for a question that changes nothing: it needs no lease, and pays from the account's quota.
    pub async fn ask(&self, mailbox: Mailbox) -> Result<Arc<dyn GmailLanes>, EngineError> {
        self.0.parts.access.open(&Leased { mailbox, stolen: false }).await
    }

    /// Leases one mailbox if it is due and works on it until nothing is left to do now. Returns whether it was due.
    pub async fn run_mailbox(&self, connector: ConnectorId) -> Result<bool, EngineError> {
        let mut tx = self.0.parts.db.system().await?;
        let leased = due::acquire(&mut tx, &self.0.parts.owner, connector, self.now()).await?;
        tx.commit().await?;
        let Some(leased) = leased else { return Ok(false) };
        self.work(leased).await.map(|()| true)
    }

    /// Leases mailboxes that are due, without those that are in work here; none while this machine's clock is wrong.
    pub async fn acquire_due(&self, in_work: &[ConnectorId], limit: usize) -> Result<Vec<Leased>, EngineError> {
        let parts = &self.0.parts;
        let mut tx = parts.db.system().await?;
        if !self.0.clock.is_right(&tx, parts).await? {
            tx.commit().await?;
            return Ok(Vec::new());
        }
        let leased = due::acquire_all(&mut tx, &self.0.parts.owner, in_work, limit, self.now()).await?;
        tx.commit().await?;
        Ok(leased)
    }

    /// Works on a leased mailbox to the end of its lease. The failure, if any, is already written to its row.
    pub async fn work(&self, leased: Leased) -> Result<(), EngineError> {
        let parts = &self.0.parts;
        let guard = leased.mailbox.guard();
        let (wake, _busy) = self.0.wakes.busy(guard.connector);
        let opened = Box::pin(self.open(&leased)).await;
        let (trace, asked) = match &opened {
            Ok((lease, pass)) => (lease.trace, pass.cause.trace.is_some()),
            Err(_) => (TraceContext::start(parts.seams.entropy.as_ref()), false),
        };
        let job = async {
            let result = match opened {
                Ok((lease, pass)) => {
                    let live = LiveLane::new(&lease, wake, leased.mailbox, pass);
                    let result = tokio::select! {
                        result = Box::pin(self.take_turns(&lease, live)) => result,
                        lost = lease.heartbeat() => Err(lost),
                    };
                    lease.checkpoint().await;
                    result
                }
                Err(error) => Err(error),
            };
            if let Err(error) = &result {
                Box::pin(failure::leave(parts, &guard, error, trace)).await;
            }
            result
        };
        let span = if asked { span::job("mailbox", trace) } else { span::first("mailbox", trace) };
        job.instrument(span).await
    }

    /// Opens Gmail, and reads beside it what the first pass starts from.
    async fn open(&self, leased: &Leased) -> Result<(Lease<'_>, Pass), EngineError> {
        let parts = &self.0.parts;
        let guard = leased.mailbox.guard();
        let began = parts.now();
        let first_pass = async {
            let tx = parts.db.tenant(&guard.tenant).await?;
            let read = tokio::try_join!(labels::names(&tx, &guard), Pass::begin(&tx, &guard, began))?;
            tx.commit().await?;
            Ok::<_, EngineError>(read)
        };
        let (gmail, (names, pass)) = tokio::try_join!(parts.access.open(leased), first_pass)?;
        let trace = pass.cause.trace.unwrap_or_else(|| TraceContext::start(parts.seams.entropy.as_ref()));
        Ok((Lease::new(parts, guard, trace, gmail, names), pass))
    }

    /// Works until nothing is left to do now, and gives the lease back: a pass of the live lane, then a turn of the run,
    /// if there is one, with the live lane beside it.
    async fn take_turns(&self, lease: &Lease<'_>, mut live: LiveLane<'_>) -> Result<(), EngineError> {
        let runs = lease.over(&self.0.run_db);
        loop {
            live.pass().await?;
            let run = RunLane::next(&runs).await?;
            // Before the release: whoever takes the mailbox next goes on with what is left.
            lease.checkpoint().await;
            if self.0.parts.stopping() {
                return live.give_back(Due { at: self.now(), reason: DueReason::Stopped }).await;
            }
            let Some(mut run) = run else {
                match live.release().await? {
                    true => return Ok(()),
                    false => continue,
                }
            };
            let turn = match self.0.backfills.take(lease.guard().connector) {
                Ok(slot) => Turn::begin(slot, self.settings()),
                Err(ahead) => return live.give_back(self.no_slot(ahead)).await,
            };
            let done = CancellationToken::new();
            let (over, ()) = tokio::try_join!(Box::pin(run.work(&turn, &done)), Box::pin(live.keep(&done)))?;
            if over == TurnOver::WorkLeft {
                lease.checkpoint().await;
                return live.give_back(Due { at: self.now(), reason: DueReason::Backfill }).await;
            }
        }
    }

    /// When a mailbox comes back whose backfill found no slot, with so many that waited before it.
    fn no_slot(&self, ahead: usize) -> Due {
        let parts = &self.0.parts;
        let next = ahead < parts.settings.max_backfills;
        let most = if next { NEXT_SLOT_WAIT_SECONDS } else { SLOT_WAIT_SECONDS };
        let wait = most * (0.5 + 0.5 * parts.seams.entropy.unit());
        Due { at: self.now() + chrono::TimeDelta::milliseconds((wait * 1_000.0) as i64), reason: DueReason::Backfill }
    }
}
