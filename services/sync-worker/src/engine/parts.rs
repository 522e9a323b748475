//! What the engine is made from, and how it behaves.

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::{Seams, Timestamp};
use postrider_gmail::Memory;
use postrider_storage::Db;
use tokio_util::sync::CancellationToken;

use super::access::GmailAccess;
use crate::metrics::Metrics;

/// How the engine behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Poll interval of mailboxes that set none.
    pub poll_interval: Duration,
    /// Most mailboxes in work in this process.
    pub max_mailboxes: usize,
    /// Most of them with a backfill at work: first syncs must not take every slot from live mail.
    pub max_backfills: usize,
    /// Most connections to the database that all of them hold at once; fewer than there are.
    pub run_connections: usize,
    /// How long a backfill may work before it gives its slot to another mailbox, if one waits.
    pub backfill_slice: Duration,
    /// How long it may work where none waits; then its lease is free, also for a replica that started since.
    pub backfill_turn: Duration,
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
    /// A machine whose clock is farther than this from Postgres's takes no mailbox: it would pass records that Gmail still
    /// hides, and wait too long or not at all. None: it is not looked at.
    pub clock_tolerance: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(300),
            max_mailboxes: 256,
            max_backfills: 32,
            run_connections: 8,
            backfill_slice: Duration::from_secs(60),
            backfill_turn: Duration::from_secs(600),
            scan_every: Duration::from_secs(1),
            live_tick: Duration::from_secs(1),
            heartbeat: Duration::from_secs(10),
            fetch_retries: 3,
            fetch_pause: Duration::from_secs(1),
            max_ahead_bytes: 8 << 20,
            clock_tolerance: Some(Duration::from_secs(60)),
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
    /// What mails may take between Gmail and the database, in the whole process.
    pub memory: Memory,
    /// Names this process in lease rows.
    pub owner: String,
    /// Cancelled: work is given back at the next safe place.
    pub stop: CancellationToken,
}

impl Parts {
    pub fn now(&self) -> Timestamp {
        self.seams.clock.now()
    }

    /// Work is to be given back.
    pub fn stopping(&self) -> bool {
        self.stop.is_cancelled()
    }
}
