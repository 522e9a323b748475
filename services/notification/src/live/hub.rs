//! The sessions of this replica, by user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{TenantId, UserId};

use super::{Hint, Hints};

type Sessions = HashMap<(TenantId, UserId), Vec<Arc<Hints>>>;

/// Hands hints to the sessions of their user.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    sessions: Arc<Mutex<Sessions>>,
}

impl Hub {
    /// Adds a session of a user; it leaves when the membership is dropped.
    pub fn join(&self, tenant: &TenantId, user: &UserId) -> Membership {
        let hints = Arc::new(Hints::default());
        let whose = (tenant.clone(), user.clone());
        self.lock().entry(whose.clone()).or_default().push(hints.clone());
        Membership { hub: self.clone(), whose, hints }
    }

    /// Hands a hint to every session of its user.
    pub fn deliver(&self, hint: Arc<Hint>) {
        let whose = (hint.tenant.clone(), hint.user.clone());
        if let Some(sessions) = self.lock().get(&whose) {
            for session in sessions {
                session.push(hint.clone());
            }
        }
    }

    /// Tells every session to read its rows: the broker was away.
    pub fn all_fall_behind(&self) {
        for session in self.lock().values().flatten() {
            session.fall_behind();
        }
    }

    /// Sessions of this replica.
    pub fn len(&self) -> usize {
        self.lock().values().map(Vec::len).sum()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place in the hub.
#[derive(Debug)]
pub struct Membership {
    hub: Hub,
    whose: (TenantId, UserId),
    hints: Arc<Hints>,
}

impl Membership {
    /// The session's buffer.
    pub fn hints(&self) -> Arc<Hints> {
        self.hints.clone()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut sessions = self.hub.lock();
        if let Some(list) = sessions.get_mut(&self.whose) {
            list.retain(|other| !Arc::ptr_eq(other, &self.hints));
            if list.is_empty() {
                sessions.remove(&self.whose);
            }
        }
    }
}
