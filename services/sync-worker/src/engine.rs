//! The mailbox engine: leases mailboxes that are due and brings their mirror up to date in two lanes.
//!
//! It takes its database, Gmail, clock, ids and randomness as parameters and can be driven one mailbox at a time
//! ([`Engine::run_mailbox`]), so that tests drop it at any await and look at what is left.

pub mod access;
mod apply;
mod backfill;
mod boundary;
mod events;
mod fetch;
mod fetch_ahead;
pub mod google_access;
mod label_names;
mod lease_failure;
mod live;
mod live_commit;
mod parked_looks;
mod plan;
mod run_failure;
mod run_steps;
pub mod scheduler;
mod session;
mod wakes;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, Seams};
use postrider_runtime::telemetry::span;
use postrider_storage::Db;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

pub use access::{GmailAccess, GmailLanes};
pub use wakes::Wakes;

use crate::error::EngineError;
use crate::metrics::Metrics;
use crate::store::mailboxes::due::{self, Leased};
use session::Session;

/// How the engine behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Poll interval of mailboxes that set none.
    pub poll_interval: Duration,
    /// Most mailboxes in work in this process.
    pub max_mailboxes: usize,
    /// Most of them with a backfill at work: first syncs must not take every slot from live mail.
    pub max_backfills: usize,
    /// How long a backfill may work before it gives its slot to another mailbox.
    pub backfill_slice: Duration,
    /// Between two looks at the table of due mailboxes.
    pub scan_every: Duration,
    /// Between two looks of a busy mailbox at its own row for new marks.
    pub live_tick: Duration,
    pub heartbeat: Duration,
    /// Retries of one failed fetch before the mailbox waits, and the pause between them.
    pub fetch_retries: u32,
    pub fetch_pause: Duration,
    /// Bytes of mails fetched for one step, in memory, at which it stops to fetch and commits what it has.
    pub max_ahead_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(300),
            max_mailboxes: 256,
            max_backfills: 32,
            backfill_slice: Duration::from_secs(60),
            scan_every: Duration::from_secs(1),
            live_tick: Duration::from_secs(1),
            heartbeat: Duration::from_secs(10),
            fetch_retries: 3,
            fetch_pause: Duration::from_secs(1),
            max_ahead_bytes: 8 << 20,
        }
    }
}

/// What the engine is made from.
pub struct Parts {
    pub db: Db,
    pub access: Arc<dyn GmailAccess>,
    pub seams: Seams,
    pub settings: Settings,
    pub metrics: Metrics,
    /// Names this process in lease rows.
    pub owner: String,
    /// Cancelled: work is given back at the next safe place.
    pub stop: CancellationToken,
}

/// The engine of one process. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    parts: Parts,
    backfills: Semaphore,
    wakes: Wakes,
}

impl Engine {
    pub fn new(parts: Parts) -> Self {
        let backfills = Semaphore::new(parts.settings.max_backfills);
        Self(Arc::new(Inner { parts, backfills, wakes: Wakes::default() }))
    }

    fn db(&self) -> &Db {
        &self.0.parts.db
    }

    fn seams(&self) -> &Seams {
        &self.0.parts.seams
    }

    fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    fn stopping(&self) -> bool {
        self.0.parts.stop.is_cancelled()
    }

    /// Counters of the engine.
    pub fn metrics(&self) -> &Metrics {
        &self.0.parts.metrics
    }

    /// Where consumers tell which mailboxes were marked.
    pub fn wakes(&self) -> &Wakes {
        &self.0.wakes
    }

    /// Leases one mailbox if it is due and works on it until nothing is left to do now. Answers whether it was due.
    pub async fn run_mailbox(&self, connector: ConnectorId) -> Result<bool, EngineError> {
        let now = self.seams().clock.now();
        let mut tx = self.db().system().await?;
        let leased = due::acquire(&mut tx, &self.0.parts.owner, connector, now).await?;
        tx.commit().await?;
        let Some(leased) = leased else { return Ok(false) };
        self.work(leased).await.map(|()| true)
    }

    async fn acquire_due(&self, not: &[ConnectorId], limit: usize) -> Result<Vec<Leased>, EngineError> {
        let now = self.seams().clock.now();
        let mut tx = self.db().system().await?;
        let leased = due::acquire_all(&mut tx, &self.0.parts.owner, not, limit, now).await?;
        tx.commit().await?;
        Ok(leased)
    }

    /// Works on a leased mailbox to the end of its lease. The failure, if any, is already written to its row.
    async fn work(&self, leased: Leased) -> Result<(), EngineError> {
        let guard = leased.mailbox.guard();
        let session = Box::pin(Session::open(self, &leased)).await;
        let trace = match &session {
            Ok(session) => session.trace,
            Err(_) => TraceContext::start(self.seams().entropy.as_ref()),
        };
        let job = async {
            let result = match session {
                Ok(session) => Box::pin(session.run_leased()).await,
                Err(error) => Err(error),
            };
            if let Err(error) = &result {
                Box::pin(lease_failure::leave(self, &guard, error, trace)).await;
            }
            result
        };
        job.instrument(span::job("mailbox", trace)).await
    }
}
