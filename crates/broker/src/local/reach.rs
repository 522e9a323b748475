//! Which services' queues are reached, and which service of the process needs them.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use postrider_contracts::Queue;

use crate::metrics::Metrics;
use crate::publisher::BrokerState;

/// What one service of the process knows about the queues it uses. All services' share what was seen.
#[derive(Clone)]
pub(super) struct Reach {
    seen: Arc<Mutex<Seen>>,
    /// Its place among the users.
    own: usize,
}

#[derive(Default)]
struct Seen {
    /// The services whose queues did not answer the last time.
    away: BTreeSet<&'static str>,
    users: Vec<User>,
}

/// A service of the process.
struct User {
    /// The services whose queues it stored into or took from: the trouble of others is none of its own.
    needs: BTreeSet<&'static str>,
    metrics: Metrics,
}

impl Reach {
    /// Of the first service.
    pub fn of(metrics: Metrics) -> Self {
        Self::among(Arc::default(), metrics)
    }

    /// Of another one.
    pub fn beside(&self, metrics: Metrics) -> Self {
        Self::among(self.seen.clone(), metrics)
    }

    fn among(seen: Arc<Mutex<Seen>>, metrics: Metrics) -> Self {
        metrics.state(BrokerState::Ready);
        let mut users = seen.lock();
        let own = users.users.len();
        users.users.push(User { needs: BTreeSet::new(), metrics });
        drop(users);
        Self { seen, own }
    }

    /// Whether all queues this service needs were reached the last time.
    pub fn state(&self) -> BrokerState {
        let seen = self.seen.lock();
        seen.users.get(self.own).map_or(BrokerState::Ready, |user| user.state(&seen.away))
    }

    /// Notes how it went with the queues of a service; true if that is news. Then every user's metric is set, as it may be
    /// another one that sees them again.
    pub fn note(&self, service: &'static str, reached: bool) -> bool {
        let mut seen = self.seen.lock();
        let Seen { away, users } = &mut *seen;
        let news = if reached { away.remove(service) } else { away.insert(service) };
        let needs_more = users.get_mut(self.own).is_some_and(|user| user.needs.insert(service));
        if news || needs_more {
            users.iter().for_each(|user| user.metrics.state(user.state(away)));
        }
        news
    }
}

impl User {
    fn state(&self, away: &BTreeSet<&'static str>) -> BrokerState {
        if self.needs.is_disjoint(away) { BrokerState::Ready } else { BrokerState::Down }
    }
}

/// The service a queue belongs to: its name begins with it.
pub(super) fn owner(queue: &Queue) -> &'static str {
    queue.name.split_once('.').map_or(queue.name, |(service, _)| service)
}
