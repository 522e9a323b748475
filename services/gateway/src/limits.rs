//! How many requests may come from whom in a minute: a user, an address on routes that need no token and with requests
//! that are none, an address that opens Socket.IO sessions, a session's polls. Each replica counts for itself; the limits
//! protect the services, they do not bill.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use postrider_domain::{TenantId, UserId};

/// Requests a minute, for those whom settings can give more or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// `RATE_LIMIT_PER_MINUTE`: of a user.
    pub user: NonZeroU32,
    /// `RATE_LIMIT_PER_ADDRESS`: of an address without a token that holds.
    pub address: NonZeroU32,
    /// `SOCKETIO_SESSIONS_PER_ADDRESS`: Socket.IO sessions an address opens. A budget of its own, and a larger one: when
    /// a gateway restarts, all of an office comes back at once from one address, and must not use up what its sign-ins
    /// need.
    pub sessions: NonZeroU32,
}

/// Polls a minute of one Socket.IO session: 20 a second, and a burst of a minute's worth.
pub const POLLS: NonZeroU32 = NonZeroU32::new(1_200).unwrap();

/// API keys a minute that an address may have looked up: each costs a look into the database, and a key that is none can
/// be made up. Known keys are remembered, so that an office needs six a minute and key at most.
pub const LOOKS: NonZeroU32 = NonZeroU32::new(600).unwrap();

/// Whose budget a request uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Payer {
    User {
        tenant: String,
        user: String,
    },
    Address(IpAddr),
    /// An address that opens a Socket.IO session, or names one that is not known here.
    Session(IpAddr),
    /// An address whose API keys are looked up.
    Keys(IpAddr),
    /// A Socket.IO session that polls, by the id the client knows it by.
    Poll(String),
}

impl Payer {
    /// A user, by whom it is and not by whom it acts for.
    pub fn user(tenant: &TenantId, user: &UserId) -> Self {
        Self::User { tenant: tenant.to_string(), user: user.to_string() }
    }
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
    polls: Keyed,
    keys: Keyed,
    rates: Rates,
    clock: DefaultClock,
}

impl Limits {
    /// Budgets of these sizes. All of one may come at once.
    pub fn new(rates: Rates) -> Self {
        let keyed =
            |limit| RateLimiter::keyed(Quota::per_minute(limit)).with_middleware::<StateInformationMiddleware>();
        Self {
            users: keyed(rates.user),
            addresses: keyed(rates.address),
            sessions: keyed(rates.sessions),
            polls: keyed(POLLS),
            keys: keyed(LOOKS),
            rates,
            clock: DefaultClock::default(),
        }
    }

    /// Takes one request from the payer's budget.
    pub fn take(&self, payer: &Payer) -> Result<Budget, Exceeded> {
        let (keyed, limit) = match payer {
            Payer::User { .. } => (&self.users, self.rates.user),
            Payer::Address(_) => (&self.addresses, self.rates.address),
            Payer::Session(_) => (&self.sessions, self.rates.sessions),
            Payer::Poll(_) => (&self.polls, POLLS),
            Payer::Keys(_) => (&self.keys, LOOKS),
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
        for keyed in self.all() {
            keyed.retain_recent();
            keyed.shrink_to_fit();
        }
    }

    /// How many payers are remembered.
    pub fn remembered(&self) -> usize {
        self.all().into_iter().map(RateLimiter::len).sum()
    }

    fn all(&self) -> [&Keyed; 5] {
        [&self.users, &self.addresses, &self.sessions, &self.polls, &self.keys]
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

    fn limits(user: u32, address: u32, sessions: u32) -> Limits {
        let [user, address, sessions] = [user, address, sessions].map(|rate| NonZeroU32::new(rate).unwrap());
        Limits::new(Rates { user, address, sessions })
    }

    #[test]
    fn a_budget_runs_out_and_another_users_does_not() {
        let limits = limits(3, 60, 300);
        for left in [2, 1, 0] {
            assert_eq!(limits.take(&user("ann")).unwrap().remaining, left);
        }
        let exceeded = limits.take(&user("ann")).unwrap_err();
        assert!(exceeded.retry_after <= Duration::from_secs(20) && exceeded.limit == 3);
        assert!(limits.take(&user("bob")).is_ok());
    }

    #[test]
    fn an_address_has_one_budget_for_requests_and_one_for_sessions() {
        let limits = limits(600, 60, 300);
        let address = [127, 0, 0, 1].into();
        for (payer, most) in
            [(Payer::Address(address), 60), (Payer::Session(address), 300), (Payer::Poll("a".into()), 1_200)]
        {
            assert!((0..most).all(|_| limits.take(&payer).is_ok()), "{payer:?}");
            assert_eq!(limits.take(&payer).unwrap_err().limit, most, "{payer:?}");
        }
        assert!(limits.take(&Payer::Poll("b".into())).is_ok());
        assert_eq!(limits.remembered(), 4);
    }

    #[test]
    fn seconds_round_up() {
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_millis(1_001)), 2);
    }
}
