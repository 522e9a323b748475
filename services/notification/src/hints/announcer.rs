//! From a commit to the sockets: this replica's own at once, the others' through the broker.

use std::sync::Arc;

use postrider_broker::Live;

use super::{Hint, Hub, ReplicaId, key};

/// Announces committed entries. Cheap to clone; never waits.
#[derive(Clone)]
pub struct Announcer {
    hub: Hub,
    live: Live,
    own: ReplicaId,
}

impl Announcer {
    pub fn new(hub: Hub, live: Live, own: ReplicaId) -> Self {
        Self { hub, live, own }
    }

    /// Called after the commit, from wherever that happened. A hint the broker does not take is lost; the other
    /// replicas' sessions notice the missing number or look by themselves.
    pub fn announce(&self, hint: Hint) {
        let hint = Hint { from: Some(self.own), ..hint };
        match serde_json::to_vec(&hint) {
            Ok(bytes) => self.live.publish(&key(&hint.tenant), bytes),
            Err(error) => tracing::error!(%error, "a hint cannot be encoded"),
        }
        self.hub.deliver(Arc::new(hint));
    }
}
