//! A connected account and the questions every test asks about it.

use std::time::Duration;

use postrider_domain::Secret;
use reqwest::Method;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::Value;
use uuid::Uuid;

use crate::client::{Client, http};
use crate::socket::Socket;
use crate::until::within;
use crate::world::World;
use crate::{ledger, mirror};

/// An account connected through the OAuth pages.
pub struct Account {
    pub address: String,
    pub user: String,
    pub connector: Uuid,
    pub client: Client,
    token: Secret,
    origin: String,
}

impl Account {
    /// Walks the sign-in as a browser does: our URL, Google's consent, back to the callback with the start cookie.
    pub async fn connect(world: &World, tenant: &str, user: &str, address: &str) -> Self {
        let (browser, origin) = (http(), world.origin());
        let token = world.stack.token(tenant, user).expect("a client token");
        let start = browser
            .get(format!("{origin}/gmail/auth/url"))
            .bearer_auth(token.expose())
            .send()
            .await
            .expect("the gateway answers");
        assert!(start.status().is_success(), "auth/url: {} {:?}", start.status(), start.text().await);
        let cookie = start.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let url = start.json::<Value>().await.expect("JSON");
        let url = url.get("url").and_then(Value::as_str).expect("the sign-in URL").to_owned();
        let consent = browser.get(format!("{url}&login_hint={address}")).send().await.expect("the simulator answers");
        let back = consent.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let back = back.unwrap_or_else(|| panic!("no redirect from the consent: {}", consent.status()));
        let callback = browser.get(back).header(COOKIE, cookie).send().await.expect("the callback answers");
        let status = callback.status();
        let body = callback.text().await.unwrap_or_default();
        assert!(status.is_success(), "callback: {status} {body}");
        let client = world.client(tenant, user);
        let connector = id_of(&client, address).await;
        Self { address: address.to_owned(), user: user.to_owned(), connector, client, token, origin }
    }

    /// The official client, subscribed.
    pub async fn socket(&self, transport: &str) -> Socket {
        Socket::connect(&self.origin, &self.user, &self.token, transport, None).await
    }

    /// Waits until the first sync has ended.
    pub async fn first_sync(&self, world: &World, limit: Duration) {
        let conn = world.admin().await;
        within(limit, "the first sync ends", async || mirror::first_synced(&conn, self.connector).await).await;
    }

    /// Waits until the mirror says exactly what Google says: ids, labels, threads, deletions. Then proves law 3 of how it
    /// got there.
    pub async fn mirror_equals_truth(&self, world: &World, limit: Duration) {
        let conn = world.admin().await;
        let deadline = tokio::time::Instant::now() + limit;
        while mirror::state(&conn, self.connector).await != world.sim.truth(&self.address).await {
            if tokio::time::Instant::now() > deadline {
                self.tell_difference(world).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        ledger::every_change_has_ended(&conn, self.connector, limit).await;
    }

    async fn tell_difference(&self, world: &World) {
        let conn = world.admin().await;
        let (mirror, truth) = (mirror::state(&conn, self.connector).await, world.sim.truth(&self.address).await);
        let missing: Vec<_> = truth.keys().filter(|id| !mirror.contains_key(*id)).collect();
        let extra: Vec<_> = mirror.keys().filter(|id| !truth.contains_key(*id)).collect();
        let other: Vec<_> =
            truth.iter().filter(|(id, t)| mirror.get(*id).is_some_and(|m| m != *t)).map(|(id, _)| id).collect();
        panic!(
            "{}: mirror of {} differs from the truth of {}: {} missing {:?}, {} too many {:?}, {} different {:?}",
            self.address,
            mirror.len(),
            truth.len(),
            missing.len(),
            missing.first(),
            extra.len(),
            extra.first(),
            other.len(),
            other.first()
        );
    }

    /// Waits until each of these mails has a notification, then checks that each has exactly one.
    pub async fn notified_once(&self, world: &World, mails: &[String], limit: Duration) {
        let conn = world.admin().await;
        let what = format!("{} mails are notified", mails.len());
        within(limit, &what, async || {
            let notified = mirror::notified(&conn, self.connector).await;
            mails.iter().all(|id| notified.contains_key(id))
        })
        .await;
        let notified = mirror::notified(&conn, self.connector).await;
        for id in mails {
            assert_eq!(notified.get(id), Some(&1), "notifications of {id}");
        }
    }
}

async fn id_of(client: &Client, address: &str) -> Uuid {
    let answer = client.call(Method::GET, "/api/connectors", None).await;
    let connectors = answer.body.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    connectors
        .iter()
        .find(|connector| connector.get("email_address").and_then(Value::as_str) == Some(address))
        .and_then(|connector| connector.get("id")?.as_str()?.parse().ok())
        .unwrap_or_else(|| panic!("{address} is not among the connectors: {}", answer.body))
}
