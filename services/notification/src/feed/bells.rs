//! Who waits for more of the feed in this process. Other replicas' commits ring nothing here: who waits looks every second
//! besides.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use postrider_domain::{TenantId, UserId};
use prometheus::IntGauge;
use tokio::sync::Notify;

type Users = HashMap<(TenantId, UserId), Arc<Notify>>;

/// The bells of all users. Clones share them.
#[derive(Debug, Clone)]
pub struct Bells {
    users: Arc<Mutex<Users>>,
    readers: IntGauge,
}

impl Bells {
    /// Nobody waits; `readers` counts who does.
    pub fn new(readers: IntGauge) -> Self {
        Self { users: Arc::default(), readers }
    }

    /// Waits for a user's bell; nothing if as many wait already as may.
    pub fn listen(&self, tenant: &TenantId, user: &UserId, most: usize) -> Option<Listener> {
        let owner = (tenant.clone(), user.clone());
        let mut users = self.users.lock();
        let bell = users.entry(owner.clone()).or_default().clone();
        // The map's own, and this one.
        let waiting = Arc::strong_count(&bell) - 2;
        (waiting < most).then(|| {
            self.readers.inc();
            Listener { bells: self.clone(), owner, bell }
        })
    }

    /// Wakes whoever waits for that user.
    pub fn ring(&self, tenant: &TenantId, user: &UserId) {
        if let Some(bell) = self.users.lock().get(&(tenant.clone(), user.clone())) {
            bell.notify_waiters();
        }
    }
}

/// Somebody who waits.
#[derive(Debug)]
pub struct Listener {
    bells: Bells,
    owner: (TenantId, UserId),
    bell: Arc<Notify>,
}

impl Listener {
    /// The bell; a wait that was begun before something is looked for hears what comes after.
    pub fn bell(&self) -> Arc<Notify> {
        self.bell.clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.bells.readers.dec();
        let mut users = self.bells.users.lock();
        // The map's own, and this one: nobody else is left.
        if Arc::strong_count(&self.bell) <= 2 {
            users.remove(&self.owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_wait_and_no_more_and_nothing_is_left_of_them() {
        let readers = IntGauge::new("readers", "readers").unwrap();
        let (bells, tenant, user) = (Bells::new(readers), TenantId::parse("t").unwrap(), UserId::parse("u").unwrap());
        let mut waiting: Vec<_> = (0..3).filter_map(|_| bells.listen(&tenant, &user, 3)).collect();
        assert_eq!(waiting.len(), 3);
        assert!(bells.listen(&tenant, &user, 3).is_none());
        waiting.pop();
        assert!(bells.listen(&tenant, &user, 3).is_some());
        waiting.clear();
        assert!(bells.users.lock().is_empty() && bells.readers.get() == 0);
    }
}
