//! Webhooks: one signed POST to an endpoint, and what comes of it.

use postrider_domain::{TenantId, Timestamp};
use postrider_storage::{Error, TenantTx};

use super::{Engine, body, tell};
use crate::channels::webhook::sender::Message;
use crate::observe;
use crate::rules::webhook::{self, Attempt, DeliveryState, DisabledReason, EndpointStatus, Next, NoAnswer};
use crate::store::deliveries::{self, Delivery, Ended};
use crate::store::endpoints::{self, Endpoint};

impl Engine {
    pub(super) async fn to_endpoint(&self, tx: TenantTx, tenant: &TenantId, delivery: &Delivery) -> Result<(), Error> {
        let Some(id) = delivery.endpoint_id else { return Ok(()) };
        let Some(endpoint) = endpoints::find(&tx, tenant, id).await? else { return Ok(()) };
        if endpoint.status == EndpointStatus::Disabled {
            deliveries::keep(&tx, tenant, endpoint.id).await?;
            return tx.commit().await;
        }
        let body = body(&tx, tenant, &endpoint, delivery).await?;
        tx.commit().await?;
        let attempt = match body {
            Some(body) => self.attempt(&endpoint, delivery.event_id.to_string(), body).await,
            None => return self.say_nothing(tenant, delivery, DeliveryState::Failed, "content_gone").await,
        };
        self.conclude(tenant, &endpoint, delivery, attempt).await
    }

    /// One signed POST to an endpoint.
    pub async fn attempt(&self, endpoint: &Endpoint, id: String, body: Vec<u8>) -> Attempt {
        let now = self.seams.clock.now();
        let attempt = match self.keys.of(endpoint, now) {
            Some(secrets) => self.sender.send(&endpoint.url, &secrets, Message { id, at: now, body }).await,
            None => Attempt::Failed(NoAnswer::Secret),
        };
        observe::webhook_tried(&self.metrics, attempt);
        attempt
    }

    /// Writes what an attempt came to.
    async fn conclude(
        &self,
        tenant: &TenantId,
        endpoint: &Endpoint,
        delivery: &Delivery,
        attempt: Attempt,
    ) -> Result<(), Error> {
        let now = self.seams.clock.now();
        let next = webhook::next(attempt, delivery.attempts, endpoint.failing_since, now, self.seams.entropy.unit());
        let (state, due) = match next {
            Next::Delivered => (DeliveryState::Delivered, None),
            Next::Again { due, .. } => (DeliveryState::Pending, Some(due)),
            Next::GiveUp => (DeliveryState::Failed, None),
            Next::Disable(_) => (DeliveryState::Pending, None),
        };
        let ended = Ended { state, due, status_code: attempt.status(), error: attempt.error(), now };
        if let Next::Disable(reason) = next {
            return self.disable(tenant, endpoint, delivery, ended, reason).await;
        }
        let tx = self.db.tenant(tenant).await?;
        // The endpoint before its deliveries, as everywhere.
        if next == Next::Delivered {
            endpoints::works(&tx, tenant, endpoint.id).await?;
        } else {
            endpoints::fails(&tx, tenant, endpoint.id, now).await?;
        }
        deliveries::end_attempt(&tx, tenant, delivery.id, delivery.attempts, ended).await?;
        if let Next::Again { rest: Some(until), .. } = next {
            deliveries::put_off(&tx, tenant, endpoint.id, until).await?;
        }
        tx.commit().await
    }

    /// Disables an endpoint, keeps what waits, and tells its owner, once.
    async fn disable(
        &self,
        tenant: &TenantId,
        endpoint: &Endpoint,
        delivery: &Delivery,
        ended: Ended<'_>,
        reason: DisabledReason,
    ) -> Result<(), Error> {
        let now: Timestamp = ended.now;
        let mut tx = self.db.tenant(tenant).await?;
        tell::lock(&self.actions, &tx, tenant, endpoint).await?;
        let changed = endpoints::disable(&tx, tenant, endpoint.id, reason, now).await?;
        deliveries::end_attempt(&tx, tenant, delivery.id, delivery.attempts, ended).await?;
        deliveries::keep(&tx, tenant, endpoint.id).await?;
        if changed {
            tell::disabled(&self.actions, &mut tx, tenant, endpoint, reason, now).await?;
            observe::endpoint_disabled(endpoint.id, reason);
        }
        tx.commit().await
    }
}
