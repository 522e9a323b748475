//! What stands before every Gmail call: fault rules, the concurrency limit, quotas, and the counts of all of it.

mod method;
mod quota;
mod rule;
mod stats;
mod transport;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postrider_domain::Timestamp;

pub use method::Method;
pub use quota::{CostTable, LimitStyle, Quota};
pub use rule::Rule;
pub use stats::{MethodStats, Stats};
pub use transport::Transport;

use crate::dice::Dice;
use crate::error::ApiError;
use quota::Window;

/// Admits or refuses calls. Its one lock is held for a few hundred nanoseconds a call, never while content is made.
#[derive(Debug)]
pub struct Gate(Mutex<State>);

#[derive(Debug)]
struct State {
    quota: Quota,
    rules: Vec<Rule>,
    next_rule: u64,
    project: Window,
    day: Window,
    users: HashMap<String, User>,
    stats: Stats,
    dice: Dice,
}

#[derive(Debug, Default)]
struct User {
    window: Window,
    running: Arc<AtomicU32>,
}

/// The answer of [`Gate::admit`].
#[derive(Debug)]
pub struct Admission {
    /// Wait this long before answering.
    pub latency: Option<Duration>,
    /// How the answer travels.
    pub transport: Option<Transport>,
    /// Held while the call runs, or why it is refused.
    pub permit: Result<Permit, ApiError>,
}

/// A running call; ends when dropped.
#[derive(Debug)]
pub struct Permit(Arc<AtomicU32>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    /// A gate with the given limits and no rules.
    pub fn new(quota: Quota, seed: u64) -> Self {
        Self(Mutex::new(State {
            quota,
            rules: Vec::new(),
            next_rule: 1,
            project: Window::default(),
            day: Window::default(),
            users: HashMap::new(),
            stats: Stats::default(),
            dice: Dice::derive(seed, 3),
        }))
    }

    /// Asks to run a call for an account. `entity` is the message or attachment asked for, which a rule may name.
    pub fn admit(&self, account: &str, method: Method, entity: Option<&str>, now: Timestamp) -> Admission {
        let mut state = self.state();
        let state = &mut *state;
        let hit = Rule::first(&mut state.rules, &mut state.dice, account, method, entity);
        let latency = hit.as_ref().and_then(|rule| rule.latency_ms).map(Duration::from_millis);
        let transport = hit.as_ref().and_then(Rule::transport);
        let refused = hit.as_ref().and_then(|rule| rule.error(now));
        let permit = match refused {
            Some(error) => Err(error),
            None => state.pass(account, method, now),
        };
        let units = permit.as_ref().map_or(0, |_| state.quota.table.units(method));
        let running = permit.as_ref().map_or(0, |permit| permit.0.load(Ordering::Relaxed));
        state.stats.count(account, method, units, running, permit.as_ref().err());
        Admission { latency, transport, permit }
    }

    /// Counts an error that a call itself answered (404 and the like).
    pub fn failed(&self, method: Method, error: &ApiError) {
        self.state().stats.failed(method, error);
    }

    /// Replaces the limits. Units used so far stay counted.
    pub fn set_quota(&self, quota: Quota) {
        self.state().quota = quota;
    }

    /// The limits in force.
    pub fn quota(&self) -> Quota {
        self.state().quota.clone()
    }

    /// Adds a rule; gives its number.
    pub fn add_rule(&self, mut rule: Rule) -> u64 {
        let mut state = self.state();
        rule.id = state.next_rule;
        state.next_rule += 1;
        state.rules.push(rule);
        state.next_rule - 1
    }

    /// Removes one rule, or all.
    pub fn remove_rules(&self, id: Option<u64>) {
        self.state().rules.retain(|rule| id.is_some_and(|id| rule.id != id));
    }

    /// The rules in the order in which they are tried.
    pub fn rules(&self) -> Vec<Rule> {
        self.state().rules.clone()
    }

    /// The counts since the start or the last reset.
    pub fn stats(&self) -> Stats {
        self.state().stats.clone()
    }

    /// Number of calls so far.
    pub fn calls(&self) -> u64 {
        self.state().stats.calls
    }

    /// Sets all counts to zero.
    pub fn reset_stats(&self) {
        self.state().stats = Stats::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pass(&mut self, account: &str, method: Method, now: Timestamp) -> Result<Permit, ApiError> {
        let units = u64::from(self.quota.table.units(method));
        let user = self.users.entry(account.to_owned()).or_default();
        let running = user.running.load(Ordering::Relaxed);
        if self.quota.concurrency.is_some_and(|limit| running >= limit) {
            return Err(ApiError::new(429, "rateLimitExceeded", "Too many concurrent requests for user."));
        }
        let minute = Duration::from_secs(60);
        if self.day.over(self.quota.per_day, units, Duration::from_secs(86_400), now).is_some() {
            return Err(Quota::daily());
        }
        if self.project.over(self.quota.per_project, units, minute, now).is_some() {
            return Err(Quota::project());
        }
        if let Some(until) = user.window.over(self.quota.per_user, units, minute, now) {
            return Err(self.quota.user(until, now, &mut self.dice));
        }
        for window in [&mut self.day, &mut self.project, &mut user.window] {
            window.take(units);
        }
        user.running.fetch_add(1, Ordering::Relaxed);
        Ok(Permit(user.running.clone()))
    }
}

#[cfg(test)]
mod tests;
