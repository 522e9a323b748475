//! Pushes of our own, signed by the simulated Google: as many as the intake takes. The simulator itself sends one a
//! second and account, as Google does, which keeps nobody busy.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postrider_domain::{Clock as _, SystemClock};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::http;
use crate::until::within;
use crate::world::World;

/// Pushes under way at the same time.
const LANES: usize = 16;
/// A lane that was refused waits this long: an intake that is away must not cost a whole core.
const REFUSED: Duration = Duration::from_millis(20);

/// What all lanes share.
struct Shared {
    http: reqwest::Client,
    endpoint: String,
    token: String,
    subscription: String,
    address: String,
    stop: AtomicBool,
    refused: AtomicUsize,
    acknowledged: Mutex<BTreeSet<String>>,
}

/// Lanes that push until they are stopped. Each push has an id of its own and is never repeated.
pub struct Flood {
    shared: Arc<Shared>,
    lanes: JoinSet<()>,
}

impl Flood {
    /// Starts to push for one address, to where and as the simulator pushes.
    pub async fn start(world: &World, address: &str) -> Self {
        let push = world.sim.call(Method::GET, "/push", Value::Null).await;
        let text = |name: &str| push.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let audience = if text("audience").is_empty() { text("endpoint") } else { text("audience") };
        let now = SystemClock.now().timestamp();
        let claims = json!({
            "aud": audience, "email": text("service_account"), "email_verified": true, "sub": "1",
            "iss": "https://accounts.google.com", "iat": now, "exp": now + 3_600,
        });
        let shared = Arc::new(Shared {
            http: http(),
            endpoint: text("endpoint"),
            token: world.sim.sign(claims).await,
            subscription: text("subscription"),
            address: address.to_owned(),
            stop: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
            acknowledged: Mutex::default(),
        });
        let mut lanes = JoinSet::new();
        for lane in 0..LANES {
            lanes.spawn(shared.clone().push(lane));
        }
        Self { shared, lanes }
    }

    /// Waits until this many more pushes are acknowledged.
    pub async fn goes_on(&self, more: usize) {
        let before = self.shared.acknowledged().len();
        within(Duration::from_secs(60), "pushes are acknowledged", async || {
            self.shared.acknowledged().len() >= before + more
        })
        .await;
    }

    /// Pushes that were not acknowledged so far.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Ends it; answers the message ids of the pushes that were acknowledged.
    pub async fn stop(mut self) -> BTreeSet<String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(lane) = self.lanes.join_next().await {
            lane.expect("a lane ends in order");
        }
        self.shared.acknowledged().clone()
    }
}

impl Shared {
    async fn push(self: Arc<Self>, lane: usize) {
        for number in 0_u64.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let id = format!("flood-{lane}-{number}");
            if self.send(&id).await {
                self.acknowledged().insert(id);
            } else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(REFUSED).await;
            }
        }
    }

    /// Unwrapped, which Pub/Sub may be told to do. The history id is one that every cursor has passed: the push is late.
    async fn send(&self, id: &str) -> bool {
        let push = self.http.post(&self.endpoint).bearer_auth(&self.token);
        let push = push
            .header("x-goog-pubsub-subscription-name", &self.subscription)
            .header("x-goog-pubsub-message-id", id)
            .header("x-goog-pubsub-publish-time", SystemClock.now().to_rfc3339());
        let answer = push.json(&json!({"emailAddress": self.address, "historyId": 1})).send().await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::ACCEPTED)
    }

    fn acknowledged(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
