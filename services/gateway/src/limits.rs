//! How many requests a caller may send: 600 a minute a user (`RATE_LIMIT_PER_MINUTE`), 60 a minute an address on routes
//! that need no token, 300 new Socket.IO sessions a minute an address. Each replica counts for itself; the limits protect
//! the services, they do not bill.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// Requests a minute for an address on routes that need no token.
pub const PER_ADDRESS: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// New Socket.IO sessions a minute for an address. A budget of its own, and a larger one: when a gateway restarts, all of
/// an office comes back at once from one address, and must not use up what its sign-ins need.
pub const SESSIONS_PER_ADDRESS: NonZeroU32 = NonZeroU32::new(300).unwrap();

/// Whose budget a request uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Payer {
    User {
        tenant: String,
        user: String,
    },
    Address(IpAddr),
    /// An address that opens a Socket.IO session.
    Session(IpAddr),
}

/// The state of a budget after a request, as the `RateLimit` headers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests a minute.
    pub limit: u32,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// When the budget is full again if nothing follows.
    pub reset: Duration,
}

/// A budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} requests a minute")]
pub struct Exceeded {
    pub limit: u32,
    /// When one request may follow.
    pub retry_after: Duration,
}

type Keyed = RateLimiter<Payer, DefaultKeyedStateStore<Payer>, DefaultClock, StateInformationMiddleware>;

/// All budgets of this replica.
#[derive(Debug)]
pub struct Limits {
    users: Keyed,
    addresses: Keyed,
    sessions: Keyed,
    per_user: NonZeroU32,
    clock: DefaultClock,
}

impl Limits {
    /// Budgets with the given number of requests a minute for a user. All of it may come at once.
    pub fn new(per_user: NonZeroU32) -> Self {
        let keyed =
            |limit| RateLimiter::keyed(Quota::per_minute(limit)).with_middleware::<StateInformationMiddleware>();
        let (users, addresses, sessions) = (keyed(per_user), keyed(PER_ADDRESS), keyed(SESSIONS_PER_ADDRESS));
        Self { users, addresses, sessions, per_user, clock: DefaultClock::default() }
    }

    /// Takes one request from the payer's budget.
    pub fn take(&self, payer: &Payer) -> Result<Budget, Exceeded> {
        let (keyed, limit) = match payer {
            Payer::User { .. } => (&self.users, self.per_user),
            Payer::Address(_) => (&self.addresses, PER_ADDRESS),
            Payer::Session(_) => (&self.sessions, SESSIONS_PER_ADDRESS),
        };
        match keyed.check_key(payer) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                let used = limit.get().saturating_sub(remaining);
                let reset = Duration::from_secs(60).saturating_mul(used) / limit.get();
                Ok(Budget { limit: limit.get(), remaining, reset })
            }
            Err(until) => Err(Exceeded { limit: limit.get(), retry_after: until.wait_time_from(self.clock.now()) }),
        }
    }

    /// Forgets budgets that are full again, so that memory follows the callers of the last minute.
    pub fn forget_idle(&self) {
        for keyed in [&self.users, &self.addresses, &self.sessions] {
            keyed.retain_recent();
            keyed.shrink_to_fit();
        }
    }

    /// How many payers are remembered.
    pub fn remembered(&self) -> usize {
        self.users.len() + self.addresses.len() + self.sessions.len()
    }
}

/// Whole seconds, never 0: `Retry-After: 0` would invite at once.
pub fn seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Payer {
        Payer::User { tenant: "acme".into(), user: name.into() }
    }

    #[test]
    fn a_budget_runs_out_and_another_users_does_not() {
        let limits = Limits::new(NonZeroU32::new(3).unwrap());
        for left in [2, 1, 0] {
            assert_eq!(limits.take(&user("ann")).unwrap().remaining, left);
        }
        let exceeded = limits.take(&user("ann")).unwrap_err();
        assert!(exceeded.retry_after <= Duration::from_secs(20) && exceeded.limit == 3);
        assert!(limits.take(&user("bob")).is_ok());
    }

    #[test]
    fn an_address_has_sixty() {
        let limits = Limits::new(NonZeroU32::new(600).unwrap());
        let payer = Payer::Address([127, 0, 0, 1].into());
        assert!((0..60).all(|_| limits.take(&payer).is_ok()));
        assert!(limits.take(&payer).is_err());
    }

    #[test]
    fn new_sessions_have_a_budget_of_their_own() {
        let limits = Limits::new(NonZeroU32::new(600).unwrap());
        let address = [127, 0, 0, 1].into();
        assert!((0..300).all(|_| limits.take(&Payer::Session(address)).is_ok()));
        assert!(limits.take(&Payer::Session(address)).is_err());
        assert!(limits.take(&Payer::Address(address)).is_ok());
    }

    #[test]
    fn seconds_round_up() {
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_millis(1_001)), 2);
    }
}
