//! How much a client may ask for.

use tokio::time::Instant;

use crate::channels::socket::rate::{Bucket, Rate};
use crate::channels::socket::user_rates::UserRate;

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
    /// What the user may ask over all sockets, once it is known who that is.
    user: Option<UserRate>,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { requests: Bucket::full(REQUESTS, now), refusals: Bucket::full(REFUSALS, now), user: None }
    }

    /// From now on the user's other sockets count as well.
    pub(super) fn share(&mut self, user: UserRate) {
        self.user = Some(user);
    }

    /// Takes one request.
    pub(super) fn take(&mut self, now: Instant) -> Asked {
        let granted = self.requests.take(now) && self.user.as_ref().is_none_or(|user| user.take(now));
        if granted {
            Asked::Granted
        } else if self.refusals.take(now) {
            Asked::Refused
        } else {
            Asked::Flood
        }
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
