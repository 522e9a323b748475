//! Pushes confirmed a moment ago. Pub/Sub sends a message again when our 202 came late; such a repeat needs no second
//! publish. A saving only, never a truth: it is lost with the process, and sync-worker drops repeats durably
//! (`notification_queue` is unique by mailbox and message id).

use std::time::Duration;

use moka::sync::Cache;

/// Most remembered pushes (about 10 MB).
const MOST: u64 = 100_000;
/// Longer than any sensible acknowledgement deadline (Pub/Sub allows 10 to 600 s).
const KEPT: Duration = Duration::from_secs(600);

/// Keys of confirmed pushes.
#[derive(Clone, Debug)]
pub struct Recent(Cache<String, ()>);

impl Default for Recent {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(KEPT).build())
    }
}

impl Recent {
    /// Notes a push the broker has confirmed.
    pub fn confirmed(&self, key: String) {
        self.0.insert(key, ());
    }

    /// True when exactly this push was confirmed lately.
    pub fn knows(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_only_what_was_confirmed() {
        let recent = Recent::default();
        recent.confirmed("a".into());
        assert!(recent.knows("a") && !recent.knows("b"));
    }
}
