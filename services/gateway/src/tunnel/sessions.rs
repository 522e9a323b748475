//! Which Socket.IO sessions are known to exist: a request may name any, and only those a listener knows may poll at the
//! rate of a session. What is not known here (another gateway saw it open) is asked once, at the cost of a new one.

use std::time::Duration;

use moka::sync::Cache;

/// Most ids remembered, about 150 bytes each.
const MOST: u64 = 100_000;
/// How long an id is remembered after its last request: longer than a long poll takes.
const KEPT: Duration = Duration::from_secs(300);

/// Ids as clients write them. Clones share them.
#[derive(Debug, Clone)]
pub struct Sessions(Cache<String, ()>);

impl Default for Sessions {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_idle(KEPT).build())
    }
}

impl Sessions {
    /// A listener opened this session, or answered for it.
    pub fn note(&self, sid: String) {
        self.0.insert(sid, ());
    }

    /// The listener does not know it any more.
    pub fn forget(&self, sid: &str) {
        self.0.invalidate(sid);
    }

    /// Whether the session is known to exist.
    pub fn knows(&self, sid: &str) -> bool {
        self.0.get(sid).is_some()
    }
}
