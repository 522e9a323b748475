//! From the broker to this replica's sessions.

use std::sync::Arc;
use std::time::Duration;

use postrider_broker::{Live, LiveEvent};
use postrider_domain::TenantId;
use tokio_util::sync::CancellationToken;

use super::{Hint, Hub, key};

/// How long a session waits for its tenant's hints to be bound. Without them it still looks by itself.
const BIND_TIMEOUT: Duration = Duration::from_secs(2);

/// Listens to the hints of the tenants that have sessions here. Cheap to clone.
#[derive(Clone)]
pub struct FanOut {
    hub: Hub,
    live: Live,
}

impl FanOut {
    pub fn new(hub: Hub, live: Live) -> Self {
        Self { hub, live }
    }

    /// A session of the tenant begins. Returns when its hints arrive here, so that rows read afterwards leave no gap.
    pub async fn enter(&self, tenant: &TenantId) {
        // A bind that is given up on still happens and is counted; `leave` takes it back.
        if tokio::time::timeout(BIND_TIMEOUT, self.live.bind(&key(tenant))).await.is_err() {
            tracing::warn!("the broker is slow to bind live hints; sessions look by themselves");
        }
    }

    /// A session of the tenant ended.
    pub async fn leave(&self, tenant: &TenantId) {
        let _given_up_on = tokio::time::timeout(BIND_TIMEOUT, self.live.unbind(&key(tenant))).await;
    }

    /// Hands hints on until the stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut events = self.live.subscribe();
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = events.next() => event,
            };
            match event {
                Some(LiveEvent::Message { bytes, .. }) => match serde_json::from_slice::<Hint>(&bytes) {
                    Ok(hint) => self.hub.deliver(Arc::new(hint)),
                    // A newer replica may speak differently during a roll-out; the rows are the truth.
                    Err(error) => {
                        tracing::warn!(%error, "a hint cannot be read");
                        self.hub.all_fall_behind();
                    }
                },
                Some(LiveEvent::Reconnected) => self.hub.all_fall_behind(),
                None => return,
            }
        }
    }
}
