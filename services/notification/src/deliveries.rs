//! The engine behind every channel that may fail: rows that are due are claimed by one replica, tried once, and end, wait
//! or stop as `rules` say. A replica that dies gives its claims up after a minute; a delivery that was taken just before
//! comes again, under the same id.

mod content;
mod enqueue;
mod keys;
mod tell;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use postrider_domain::{Seams, TenantId, Timestamp};
use postrider_storage::{Db, Error};
use tokio::sync::Notify;

use crate::actions::Actions;
use crate::channels::webhook::WebhookSender;
use crate::channels::webhook::sender::Message;
use crate::metrics::Metrics;
use crate::observe;
use crate::rules::webhook::{self, Attempt, DeliveryState, DisabledReason, EndpointStatus, Next, NoAnswer};
use crate::store::deliveries::{self, Delivery, Due, Ended};
use crate::store::endpoints::{self, Endpoint};

pub use content::{body, test_body};
pub use enqueue::{Told, enqueue};
pub use keys::WebhookKeys;

/// Claimed in one go; all of them are under way at once.
const BATCH: i64 = 64;
/// How late a due row may be noticed that nobody rang for.
pub const LOOK: Duration = Duration::from_secs(1);

/// Rung when something is due at once. Clones are one bell.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// For whoever waits for it.
    pub fn notify(&self) -> Arc<Notify> {
        self.0.clone()
    }

    /// Has the engine of this process look.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// Tries what is due. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub db: Db,
    pub seams: Seams,
    pub actions: Actions,
    pub sender: WebhookSender,
    pub keys: WebhookKeys,
    pub bell: Bell,
    pub metrics: Arc<Metrics>,
}

impl Engine {
    /// Works off what is due.
    pub async fn work(&self) -> Result<(), Error> {
        while self.round().await? > 0 {}
        Ok(())
    }

    /// Claims a batch and tries it. Returns how many there were.
    pub async fn round(&self) -> Result<usize, Error> {
        let tx = self.db.system().await?;
        let due = deliveries::claim(&tx, self.seams.clock.now(), BATCH).await?;
        tx.commit().await?;
        let count = due.len();
        let mut under_way: FuturesUnordered<_> = due.iter().map(|due| self.one(due)).collect();
        while let Some(done) = under_way.next().await {
            // Its claim ends by itself; the others go on.
            if let Err(error) = done {
                tracing::warn!(%error, "a delivery could not be worked off");
            }
        }
        Ok(count)
    }

    async fn one(&self, due: &Due) -> Result<(), Error> {
        let tenant = &due.tenant;
        let tx = self.db.tenant(tenant).await?;
        let Some(delivery) = deliveries::find(&tx, tenant, due.id).await? else { return Ok(()) };
        let endpoint = endpoints::find(&tx, tenant, delivery.endpoint_id).await?;
        let Some(endpoint) = endpoint.filter(|_| delivery.state == DeliveryState::Pending) else { return Ok(()) };
        if endpoint.status == EndpointStatus::Disabled {
            deliveries::keep(&tx, tenant, endpoint.id).await?;
            return tx.commit().await;
        }
        let body = body(&tx, tenant, &endpoint, &delivery).await?;
        tx.commit().await?;
        let attempt = match body {
            Some(body) => self.attempt(&endpoint, delivery.event_id.to_string(), body).await,
            None => return self.say_nothing(tenant, &delivery).await,
        };
        self.conclude(tenant, &endpoint, &delivery, attempt).await
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

    /// What it was about is gone.
    async fn say_nothing(&self, tenant: &TenantId, delivery: &Delivery) -> Result<(), Error> {
        let (state, now) = (DeliveryState::Failed, self.seams.clock.now());
        let ended = Ended { state, due: None, status_code: None, error: Some("content_gone"), now };
        let tx = self.db.tenant(tenant).await?;
        deliveries::end_attempt(&tx, tenant, delivery.id, delivery.attempts, ended).await?;
        tx.commit().await
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
