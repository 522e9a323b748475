//! Where a governor gets the units of its user from. The account's bucket is one, however many mailboxes and replicas
//! spend from it; each claims before it spends.

use async_trait::async_trait;
use chrono::TimeDelta;
use parking_lot::Mutex;
use postrider_domain::Clock;
use std::sync::Arc;

use super::{Lane, UserBucket};

/// What is asked of an account's bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitsClaim {
    /// Needed for the next call.
    pub units: u32,
    /// Welcome beside them, for the calls after it.
    pub ahead: u32,
    pub lane: Lane,
    /// Google said meanwhile that nothing is left.
    pub drained: bool,
}

/// The answer to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// So many units are the claimer's.
    Granted(u32),
    /// Ask again after this long.
    Wait(TimeDelta),
    /// The bucket cannot be reached: nobody spends what nobody counts.
    Unreachable,
}

/// The bucket of one Google account, wherever it is kept.
#[async_trait]
pub trait UserUnits: Send + Sync {
    /// Takes units.
    async fn claim(&self, claim: UnitsClaim) -> Claimed;
}

/// A bucket in memory: one process alone, and tests. It grants nothing ahead.
pub struct LocalUnits {
    bucket: Mutex<UserBucket>,
    clock: Arc<dyn Clock>,
}

impl LocalUnits {
    pub fn new(bucket: UserBucket, clock: Arc<dyn Clock>) -> Self {
        Self { bucket: Mutex::new(bucket), clock }
    }
}

#[async_trait]
impl UserUnits for LocalUnits {
    async fn claim(&self, claim: UnitsClaim) -> Claimed {
        self.bucket.lock().claim(UnitsClaim { ahead: 0, ..claim }, self.clock.now())
    }
}
