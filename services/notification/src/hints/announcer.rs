//! From a commit to the sockets: this replica's own at once, the others' through the broker.

use std::sync::Arc;

use postrider_broker::Live;

use super::{Hint, Hub, key};

/// Announces committed entries. Cheap to clone; never waits.
#[derive(Clone)]
pub struct Announcer {
    hub: Hub,
    live: Live,
}

impl Announcer {
    pub fn new(hub: Hub, live: Live) -> Self {
        Self { hub, live }
    }

    /// Called after the commit, from wherever that happened. A hint the broker does not take is lost; the other
    /// replicas' sessions notice the missing number or look by themselves.
    pub fn announce(&self, hint: Hint) {
        match serde_json::to_vec(&hint) {
            Ok(bytes) => self.live.publish(&key(&hint.tenant), bytes),
            Err(error) => tracing::error!(%error, "a hint cannot be encoded"),
        }
        self.hub.deliver(Arc::new(hint));
    }
}
