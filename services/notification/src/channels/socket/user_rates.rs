//! How much one user may ask over all of their sockets on this replica. Without it a user's sockets add up: fifty of them
//! could each ask as much as one may.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;
use postrider_domain::{TenantId, UserId};
use tokio::time::Instant;

use super::rate::{Bucket, Rate};

/// Requests of one user at once, and each second: what four busy tabs ask.
const REQUESTS: Rate = Rate { burst: 1_000.0, per_second: 200.0 };
/// Users remembered. A forgotten one starts with a full bucket.
const MOST: u64 = 100_000;
/// By then a bucket is full again, however empty it was left.
const KEPT: Duration = Duration::from_secs(10);

type Buckets = Cache<(TenantId, UserId), Arc<Mutex<Bucket>>>;

/// The users' buckets. They outlive a socket, so that reconnecting fills none.
#[derive(Debug)]
pub struct UserRates(Buckets);

impl Default for UserRates {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_idle(KEPT).build())
    }
}

impl UserRates {
    /// What a session of that user takes from.
    pub(super) fn of(&self, tenant: &TenantId, user: &UserId) -> UserRate {
        UserRate { buckets: self.0.clone(), user: (tenant.clone(), user.clone()) }
    }
}

/// One user's bucket. It is looked up each time, so that all sockets find the same one.
#[derive(Debug, Clone)]
pub(super) struct UserRate {
    buckets: Buckets,
    user: (TenantId, UserId),
}

impl UserRate {
    /// Takes one request.
    pub(super) fn take(&self, now: Instant) -> bool {
        let new = || Arc::new(Mutex::new(Bucket::full(REQUESTS, now)));
        self.buckets.get_with_by_ref(&self.user, new).lock().take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_sockets_share_one_bucket_which_outlives_them() {
        let (rates, now) = (UserRates::default(), Instant::now());
        let tenant = TenantId::parse("t").unwrap();
        let [one, other] = ["u1", "u2"].map(|user| UserId::parse(user).unwrap());
        let granted = (0..50)
            .map(|_| rates.of(&tenant, &one))
            .map(|socket| (0..100).filter(|_| socket.take(now)).count())
            .sum::<usize>();
        assert_eq!(granted, 1_000);
        assert!(!rates.of(&tenant, &one).take(now), "a new socket fills no bucket");
        assert!(rates.of(&tenant, &one).take(now + Duration::from_millis(5)));
        assert!(rates.of(&tenant, &other).take(now));
        // Sockets that opened at other times share what there is now.
        let (first, ()) = (rates.of(&tenant, &one), rates.0.invalidate_all());
        let second = rates.of(&tenant, &one);
        let granted = |socket: &UserRate| (0..1_000).filter(|_| socket.take(now)).count();
        assert_eq!(granted(&first) + granted(&second), 1_000);
    }
}
