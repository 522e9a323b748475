//! From the broker to this replica's sessions.

use std::sync::Arc;
use std::time::Duration;

use postrider_broker::{Live, LiveEvent};
use postrider_domain::TenantId;
use tokio_util::sync::CancellationToken;

use super::{Hint, Hub, ReplicaId, key};

/// How long a session waits for its tenant's hints to be bound. Without them it still looks by itself.
const BIND_TIMEOUT: Duration = Duration::from_secs(2);

/// Listens to the hints of the tenants that have sessions here. Cheap to clone.
#[derive(Clone)]
pub struct FanOut {
    heard: Heard,
    live: Live,
}

impl FanOut {
    pub fn new(hub: Hub, live: Live, own: ReplicaId) -> Self {
        Self { heard: Heard { hub, own }, live }
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
                Some(LiveEvent::Message { bytes, .. }) => self.heard.hint(&bytes),
                Some(LiveEvent::Reconnected) => self.heard.hub.all_fall_behind(),
                None => return,
            }
        }
    }
}

/// What is done with what was heard.
#[derive(Clone)]
struct Heard {
    hub: Hub,
    own: ReplicaId,
}

impl Heard {
    /// The broker sends our own hints back too: our sessions have had them.
    fn hint(&self, bytes: &[u8]) {
        match serde_json::from_slice::<Hint>(bytes) {
            Ok(hint) if hint.from == Some(self.own) => {}
            Ok(hint) => self.hub.deliver(Arc::new(hint)),
            // A newer replica may speak differently during a roll-out; the rows are the truth.
            Err(error) => {
                tracing::warn!(%error, "a hint cannot be read");
                self.hub.all_fall_behind();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use postrider_domain::{Timestamp, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn our_own_hints_wake_nobody_twice() {
        let (tenant, user) = (TenantId::parse("t").unwrap(), UserId::parse("u").unwrap());
        let [own, other] = [1, 2].map(|n| ReplicaId(Uuid::from_u128(n)));
        let heard = Heard { hub: Hub::default(), own };
        let membership = heard.hub.join(&tenant, &user, 1).unwrap();
        // One of an earlier version says nothing of its writer.
        for (from, woken) in [(Some(own), 0), (Some(other), 1), (None, 1)] {
            let (tenant, user, at) = (tenant.clone(), user.clone(), Timestamp::default());
            let hint = Hint { tenant, user, epoch: Uuid::nil(), nseq: 1, at, entry: None, trace: None, from };
            heard.hint(&serde_json::to_vec(&hint).unwrap());
            assert_eq!(membership.hints().take().0.len(), woken, "{from:?}");
        }
    }
}
