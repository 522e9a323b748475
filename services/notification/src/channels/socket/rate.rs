//! A bucket that fills at a steady rate: how often somebody may ask.

use tokio::time::Instant;

/// So many at once, and so many each second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) burst: f64,
    pub(super) per_second: f64,
}

#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    left: f64,
    refilled: Instant,
}

impl Bucket {
    pub(super) fn full(rate: Rate, now: Instant) -> Self {
        Self { rate, left: rate.burst, refilled: now }
    }

    /// Takes one, if one is left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let refill = now.duration_since(self.refilled).as_secs_f64() * self.rate.per_second;
        self.refilled = now;
        self.left = (self.left + refill).min(self.rate.burst);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}
