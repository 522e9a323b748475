//! How much a client may ask for.

use tokio::time::Instant;

/// Requests a client may make at once, and each second.
const REQUESTS: Rate = Rate { burst: 250.0, per_second: 50.0 };
/// Refusals it may collect at once, and each second, before it counts as flooding.
const REFUSALS: Rate = Rate { burst: 250.0, per_second: 5.0 };

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Granted,
    Refused,
    /// The client goes on and on after it was refused: it is cut.
    Flood,
}

/// More than 50 requests a second for long are refused; who does not slow down then floods.
#[derive(Debug)]
pub(super) struct Allowance {
    requests: Bucket,
    refusals: Bucket,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { requests: Bucket::full(REQUESTS, now), refusals: Bucket::full(REFUSALS, now) }
    }

    /// Takes one request.
    pub(super) fn take(&mut self, now: Instant) -> Asked {
        if self.requests.take(now) {
            Asked::Granted
        } else if self.refusals.take(now) {
            Asked::Refused
        } else {
            Asked::Flood
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: f64,
    per_second: f64,
}

#[derive(Debug)]
struct Bucket {
    rate: Rate,
    left: f64,
    refilled: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self { rate, left: rate.burst, refilled: now }
    }

    fn take(&mut self, now: Instant) -> bool {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_asks_a_little_too_often_is_refused_and_who_does_not_stop_floods() {
        let start = Instant::now();
        let all = |per_second: u32, seconds: u32| {
            let mut allowance = Allowance::new(start);
            let times = (0..per_second * seconds).map(|n| start + Duration::from_secs(1) * n / per_second);
            times.map(|now| allowance.take(now)).collect::<Vec<_>>()
        };
        assert!(all(50, 600).iter().all(|asked| *asked == Asked::Granted));
        let hasty = all(54, 600);
        assert!(hasty.contains(&Asked::Refused) && !hasty.contains(&Asked::Flood));
        let flood = all(1_000, 2);
        assert_eq!(
            flood.iter().position(|asked| *asked == Asked::Flood).map(|at| (500..600).contains(&at)),
            Some(true)
        );
    }
}
