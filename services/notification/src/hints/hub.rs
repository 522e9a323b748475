//! The sessions of this replica, by user.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use postrider_domain::{TenantId, UserId};

use super::{Hint, HintBuffer};

type Sessions = HashMap<(TenantId, UserId), Vec<Arc<HintBuffer>>>;

/// Hands hints to the sessions of their user.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    sessions: Arc<Mutex<Sessions>>,
}

impl Hub {
    /// Adds a session of a user, unless the user has `most` already; it leaves when the membership is dropped.
    pub fn join(&self, tenant: &TenantId, user: &UserId, most: usize) -> Option<Membership> {
        let hints = Arc::new(HintBuffer::default());
        let owner = (tenant.clone(), user.clone());
        let mut sessions = self.sessions.lock();
        if sessions.get(&owner).map_or(0, Vec::len) >= most {
            return None;
        }
        sessions.entry(owner.clone()).or_default().push(hints.clone());
        drop(sessions);
        Some(Membership { hub: self.clone(), owner, hints })
    }

    /// Hands a hint to every session of its user.
    pub fn deliver(&self, hint: Arc<Hint>) {
        let owner = (hint.tenant.clone(), hint.user.clone());
        if let Some(sessions) = self.sessions.lock().get(&owner) {
            for session in sessions {
                session.push(hint.clone());
            }
        }
    }

    /// Tells every session to read its rows: the broker was away.
    pub fn all_fall_behind(&self) {
        for session in self.sessions.lock().values().flatten() {
            session.fall_behind();
        }
    }

    /// Everybody who has a session here, in order.
    pub fn users(&self) -> Vec<(TenantId, UserId)> {
        let mut users: Vec<_> = self.sessions.lock().keys().cloned().collect();
        users.sort_unstable();
        users
    }

    /// Sessions of this replica.
    pub fn len(&self) -> usize {
        self.sessions.lock().values().map(Vec::len).sum()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A session's place in the hub.
#[derive(Debug)]
pub struct Membership {
    hub: Hub,
    owner: (TenantId, UserId),
    hints: Arc<HintBuffer>,
}

impl Membership {
    /// The session's buffer.
    pub fn hints(&self) -> Arc<HintBuffer> {
        self.hints.clone()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut sessions = self.hub.sessions.lock();
        if let Some(list) = sessions.get_mut(&self.owner) {
            list.retain(|other| !Arc::ptr_eq(other, &self.hints));
            if list.is_empty() {
                sessions.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_so_many_sessions_and_no_more() {
        let (hub, tenant) = (Hub::default(), TenantId::parse("t").unwrap());
        let [one, two] = ["u1", "u2"].map(|user| UserId::parse(user).unwrap());
        let mut kept: Vec<_> = (0..3).filter_map(|_| hub.join(&tenant, &one, 3)).collect();
        assert_eq!(kept.len(), 3);
        assert!(hub.join(&tenant, &one, 3).is_none());
        assert!(hub.join(&tenant, &two, 3).is_some());
        assert!(hub.join(&TenantId::parse("t2").unwrap(), &one, 3).is_some());
        kept.pop();
        assert!(hub.join(&tenant, &one, 3).is_some());
        assert_eq!(hub.len(), 2);
        kept.clear();
        assert!(hub.is_empty());
    }
}
