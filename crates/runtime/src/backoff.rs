//! How long to wait before trying again.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::Timestamp;

/// Exponential delays with jitter: attempt 0 waits about `base`, each further one twice as long, never above `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
}

impl Backoff {
    /// A policy. A `cap` below `base` counts as `base`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The delay before the attempt after the `attempt`-th failure (counted from 0). `jitter_unit` in `[0, 1)` spreads
    /// it over the upper half, so that many processes that failed together do not come back together.
    pub fn delay(&self, attempt: u32, jitter_unit: f64) -> Duration {
        let cap = self.cap.max(self.base);
        let full = self.base.saturating_mul(2_u32.saturating_pow(attempt.min(31))).min(cap);
        let unit = if jitter_unit.is_finite() { jitter_unit.clamp(0.0, 1.0) } else { 0.0 };
        full.mul_f64(0.5 + unit / 2.0)
    }

    /// When what failed for the `attempt`-th time (counted from 0, as its row counts it) is due again.
    pub fn due(&self, now: Timestamp, attempt: i32, jitter_unit: f64) -> Timestamp {
        let wait = self.delay(u32::try_from(attempt).unwrap_or(0), jitter_unit);
        now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::hours(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_and_stays_there() {
        let policy = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let seconds: Vec<u64> = (0..8).map(|n| policy.delay(n, 1.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(policy.delay(u32::MAX, 1.0), Duration::from_secs(30));
    }

    #[test]
    fn jitter_stays_in_the_upper_half_whatever_it_is_given() {
        let policy = Backoff::new(Duration::from_secs(2), Duration::from_secs(2));
        for unit in [0.0, 0.3, 0.999, -5.0, 7.0, f64::NAN, f64::INFINITY] {
            let delay = policy.delay(3, unit);
            assert!(delay >= Duration::from_secs(1) && delay <= Duration::from_secs(2), "{unit}: {delay:?}");
        }
    }
}
