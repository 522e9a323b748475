//! Ids and randomness as parameters, so that a test can replay them from a seed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::{OsRng, StdRng};
use rand::{RngCore, SeedableRng, TryRngCore};
use uuid::{Builder, Uuid};

use crate::clock::{Clock, SystemClock};

/// Makes UUIDv7 ids (ordered by time, so that indexes stay compact).
pub trait IdGen: Send + Sync + fmt::Debug {
    fn uuid(&self) -> Uuid;
}

/// Random bytes for tokens, states and jitter.
pub trait Entropy: Send + Sync + fmt::Debug {
    fn fill(&self, bytes: &mut [u8]);

    /// A value in `[0, 1)`, for jitter.
    fn unit(&self) -> f64 {
        let mut bytes = [0_u8; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The three seams together, as every service's state carries them.
#[derive(Debug, Clone)]
pub struct Seams {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGen>,
    pub entropy: Arc<dyn Entropy>,
}

impl Seams {
    /// The machine's clock, ids and randomness.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds), entropy: Arc::new(OsEntropy) }
    }

    /// The given clock with ids and randomness from a seed.
    pub fn seeded(clock: Arc<dyn Clock>, seed: u64) -> Self {
        let ids = Arc::new(SeededIds::new(clock.clone(), seed));
        Self { clock, ids, entropy: Arc::new(SeededEntropy::new(seed)) }
    }
}

/// UUIDv7 of the machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl IdGen for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids from the machine's clock")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::expect_used, reason = "without randomness no token may be made: stopping is the safe answer")]
    fn fill(&self, bytes: &mut [u8]) {
        OsRng.try_fill_bytes(bytes).expect("the operating system gives random bytes");
    }
}

/// Replayable randomness.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<StdRng>);

impl SeededEntropy {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// Replayable ids: the time part comes from the given clock.
#[derive(Debug)]
pub struct SeededIds {
    clock: Arc<dyn Clock>,
    entropy: SeededEntropy,
}

impl SeededIds {
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, entropy: SeededEntropy::new(seed) }
    }
}

impl IdGen for SeededIds {
    fn uuid(&self) -> Uuid {
        let mut random = [0_u8; 10];
        self.entropy.fill(&mut random);
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
