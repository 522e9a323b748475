//! How much a client may ask for.

use tokio::time::Instant;

/// Requests a client may make at once, and each second.
const BURST: f64 = 250.0;
const PER_SECOND: f64 = 50.0;

/// A bucket: more than 50 requests a second for long are refused.
#[derive(Debug)]
pub(super) struct Allowance {
    left: f64,
    refilled: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, refilled: now }
    }

    /// Takes one request out; false if there is none left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let refill = now.duration_since(self.refilled).as_secs_f64() * PER_SECOND;
        self.refilled = now;
        self.left = (self.left + refill).min(BURST);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}
