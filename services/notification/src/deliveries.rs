//! The engine behind every channel that may fail: rows that are due are claimed by one replica, tried once, and end, wait
//! or stop as `rules` say. A replica that dies gives its claims up after a minute; a delivery that was taken just before
//! comes again, under the same id.

mod addressee;
mod by_mail;
mod content;
mod enqueue;
mod keys;
mod notice;
mod tell;
mod to_browser;
mod to_endpoint;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use postrider_domain::{Seams, TenantId};
use postrider_storage::{Db, Error};
use tokio::sync::Notify;

use crate::actions::Actions;
use crate::channels::web_push::{PushHosts, VapidKeys};
use crate::channels::webhook::WebhookSender;
use crate::metrics::Metrics;
use crate::rules::Channel;
use crate::rules::webhook::DeliveryState;
use crate::store::deliveries::{self, Delivery, Due, Ended};

pub use addressee::{addressee, may_be_written_to};
pub use by_mail::CONFIRM;
pub use by_mail::{MailIdentity, Postman};
pub use content::{body, test_body};
pub use enqueue::{Pushed, Told, enqueue, push};
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
    /// What our pushes are signed with.
    pub vapid: VapidKeys,
    /// Where they may go.
    pub push_hosts: PushHosts,
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
        let found = deliveries::find(&tx, tenant, due.id).await?;
        let Some(delivery) = found.filter(|found| found.state == DeliveryState::Pending) else { return Ok(()) };
        match delivery.channel {
            Channel::Webhook => self.to_endpoint(tx, tenant, &delivery).await,
            Channel::Push => self.to_browser(tx, tenant, &delivery).await,
            // Mails have workers of their own and are not claimed here; the database takes no other.
            Channel::Email | Channel::Row | Channel::Live | Channel::Digest => Ok(()),
        }
    }

    /// It ends without having been sent.
    async fn say_nothing(
        &self,
        tenant: &TenantId,
        delivery: &Delivery,
        state: DeliveryState,
        why: &str,
    ) -> Result<(), Error> {
        let ended = Ended { state, due: None, status_code: None, error: Some(why), now: self.seams.clock.now() };
        let tx = self.db.tenant(tenant).await?;
        deliveries::end_attempt(&tx, tenant, delivery.id, delivery.attempts, ended).await?;
        tx.commit().await
    }
}
