//! Pushes: one encrypted message to a browser's push service, and what comes of it.

use postrider_domain::TenantId;
use postrider_storage::{Error, TenantTx};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::Engine;
use super::notice::{Notice, Said, notice, time_to_live};
use crate::actions::wait_for_it;
use crate::channels::web_push::BrowserKeys;
use crate::observe;
use crate::rules::push::{self, Next};
use crate::rules::webhook::{Attempt, DeliveryState, NoAnswer};
use crate::store::deliveries::{self, Delivery, Ended};
use crate::store::push_subscriptions::{self, Subscription};

/// 413: the push service takes less than the standard asks of it.
const TOO_LARGE: i32 = 413;

impl Engine {
    pub(super) async fn to_browser(&self, tx: TenantTx, tenant: &TenantId, delivery: &Delivery) -> Result<(), Error> {
        let now = self.seams.clock.now();
        let found = match delivery.push_subscription {
            Some(id) => push_subscriptions::find(&tx, tenant, id).await?,
            None => None,
        };
        let Some(browser) = found else {
            tx.commit().await?;
            return self.say_nothing(tenant, delivery, DeliveryState::Skipped, "subscription_gone").await;
        };
        let bare = delivery.status_code == Some(TOO_LARGE);
        let notice = notice(&tx, tenant, delivery, now, bare).await?;
        if let Notice::Later(until) = notice {
            wait_for_it(&tx, self.seams.ids.as_ref(), (tenant, &browser.user_id), delivery.id, (now, until)).await?;
        }
        tx.commit().await?;
        match notice {
            Notice::Say(said) => {
                let attempt = self.push(&browser, delivery, said).await;
                self.conclude_push(tenant, &browser, delivery, attempt).await
            }
            Notice::Nothing(why) => self.say_nothing(tenant, delivery, DeliveryState::Skipped, why).await,
            Notice::Later(_) => Ok(()),
        }
    }

    async fn push(&self, browser: &Subscription, delivery: &Delivery, said: Said) -> Attempt {
        // An operator may have taken its host off the list since it subscribed.
        let allowed = browser.endpoint.parse().is_ok_and(|url| self.push_hosts.allow(&url));
        let attempt = match self.sealed(browser, delivery, &said) {
            _ if !allowed => Attempt::Failed(NoAnswer::Address),
            Some((headers, body)) => self.sender.post(&browser.endpoint, headers, body, self.seams.clock.now()).await,
            None => Attempt::Failed(NoAnswer::Secret),
        };
        observe::push_tried(&self.metrics, attempt);
        attempt
    }

    /// Headers and body as the push service gets them; nothing if a key is none any more.
    fn sealed(&self, browser: &Subscription, delivery: &Delivery, said: &Said) -> Option<(HeaderMap, Vec<u8>)> {
        let now = self.seams.clock.now();
        let origin = browser.endpoint.parse::<Url>().ok()?.origin().ascii_serialization();
        let mut proof: HeaderValue = self.vapid.authorization(&browser.server_key, &origin, now)?.parse().ok()?;
        proof.set_sensitive(true);
        let keys = BrowserKeys::parse(&browser.p256dh, &browser.auth).ok()?;
        let body = keys.encrypt(&said.message, self.seams.entropy.as_ref())?;
        let headers = [
            (AUTHORIZATION, proof),
            (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (CONTENT_ENCODING, HeaderValue::from_static("aes128gcm")),
            (HeaderName::from_static("ttl"), time_to_live(delivery, now).into()),
            (HeaderName::from_static("urgency"), HeaderValue::from_static(if said.urgent { "high" } else { "normal" })),
            (HeaderName::from_static("topic"), said.topic.parse().ok()?),
        ];
        Some((headers.into_iter().collect(), body))
    }

    async fn conclude_push(
        &self,
        tenant: &TenantId,
        browser: &Subscription,
        delivery: &Delivery,
        attempt: Attempt,
    ) -> Result<(), Error> {
        let now = self.seams.clock.now();
        let next = push::next(attempt, delivery.attempts, delivery.created_at, now, self.seams.entropy.unit());
        let (state, due) = match next {
            Next::Delivered => (DeliveryState::Delivered, None),
            Next::Again(due) => (DeliveryState::Pending, Some(due)),
            Next::Gone | Next::GiveUp => (DeliveryState::Failed, None),
        };
        if push::refuses_our_key(attempt) {
            observe::push_key_refused(&browser.endpoint, attempt.status());
        }
        let error = if next == Next::Gone { Some("subscription_gone") } else { attempt.error() };
        let tx = self.db.tenant(tenant).await?;
        let ended = Ended { state, due, status_code: attempt.status(), error, now };
        deliveries::end_attempt(&tx, tenant, delivery.id, delivery.attempts, ended).await?;
        if next == Next::Gone && push_subscriptions::forget(&tx, tenant, browser).await? {
            observe::browser_forgotten(browser.id, attempt.status());
        }
        tx.commit().await
    }
}
