//! Sends pushes over HTTP as the queue tells, with tokens signed as Google signs them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{SecondsFormat, TimeDelta};
use postrider_domain::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Job, PushConfig, Queue};
use crate::server::Sim;
use crate::world::Notification;

/// Longest wait between two looks while something waits: the clock may be moved from outside.
const LOOK: Duration = Duration::from_millis(50);
/// Google renews the token of a subscription before its hour is over.
const TOKEN_LIFE: TimeDelta = TimeDelta::minutes(55);

/// Sender of one subscription.
pub(crate) struct Pusher {
    config: Mutex<PushConfig>,
    queue: Mutex<Queue>,
    token: Mutex<Option<(String, Timestamp, String)>>,
    http: reqwest::Client,
    pub wake: tokio::sync::Notify,
}

impl Pusher {
    pub fn new(config: PushConfig, seed: u64) -> reqwest::Result<Self> {
        let queue = Queue::new(config.retry_min_seconds, seed);
        // Fails only if another provider is installed, which is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        Ok(Self {
            config: Mutex::new(config),
            queue: Mutex::new(queue),
            token: Mutex::default(),
            http,
            wake: tokio::sync::Notify::new(),
        })
    }

    pub fn config(&self) -> PushConfig {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn configure(&self, config: PushConfig) {
        self.queue().set_retry_min(config.retry_min_seconds);
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.wake.notify_one();
    }

    pub fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends until stopped.
    pub async fn run(sim: Sim, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        while !stop.is_cancelled() {
            let pusher = &sim.pusher;
            let now = sim.world.now();
            pusher.collect(&sim, now);
            let jobs = if pusher.config().endpoint.is_some() { pusher.queue().take(now) } else { Vec::new() };
            for job in jobs {
                let sim = sim.clone();
                tasks.spawn(async move { sim.pusher.send(&sim, job).await });
            }
            let due = [pusher.queue().next_due(), sim.world.next_notification()].into_iter().flatten().min();
            let wait = due.map_or(Duration::from_secs(1), |due| {
                (due - sim.world.now()).to_std().unwrap_or_default().clamp(Duration::from_millis(1), LOOK)
            });
            tokio::select! {
                () = stop.cancelled() => break,
                () = pusher.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Takes new notifications from the world to all subscriptions.
    pub fn collect(&self, sim: &Sim, now: Timestamp) {
        let topic = self.config().topic;
        for notification in sim.world.take_notifications() {
            sim.pubsub.publish(&notification);
            let mut queue = self.queue();
            if notification.topic == topic {
                queue.publish(notification, now);
            } else {
                queue.note(&notification, 0, None, "unsubscribed", now);
            }
        }
    }

    async fn send(&self, sim: &Sim, job: Job) {
        let config = self.config();
        let status = match self.request(sim, &config, &job) {
            Some(request) => match request.send().await {
                Ok(answer) => Some(answer.status().as_u16()),
                Err(error) => {
                    // The push endpoint's address may hold a token.
                    let error = error.without_url();
                    tracing::debug!(%error, message_id = job.notification.message_id, "push failed");
                    None
                }
            },
            None => None,
        };
        self.queue().done(job.key, status, sim.world.now());
        self.wake.notify_one();
    }

    fn request(&self, sim: &Sim, config: &PushConfig, job: &Job) -> Option<reqwest::RequestBuilder> {
        let endpoint = config.endpoint.as_deref()?;
        let token = self.bearer(sim, config)?;
        let timeout = Duration::from_secs(u64::from(config.ack_seconds));
        let request = self.http.post(endpoint).timeout(timeout).bearer_auth(token);
        let request = request.header("user-agent", "CloudPubSub-Google").header("content-type", "application/json");
        let (body, headers) = payload(config, &job.notification, job.attempt);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        Some(request.body(body.to_string()))
    }

    /// The subscription's token, signed anew when it is close to its end or the settings or the key changed.
    fn bearer(&self, sim: &Sim, config: &PushConfig) -> Option<String> {
        let now = sim.token_time();
        let kid = sim.keys.current()?.kid.clone();
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, signed, by)) = &*kept
            && now - *signed < TOKEN_LIFE
            && *by == kid
        {
            return Some(token.clone());
        }
        let token =
            sim.keys.sign(&claims(sim, config, now)).inspect_err(|error| tracing::error!(%error, "push token")).ok()?;
        *kept = Some((token.clone(), now, kid));
        Some(token)
    }
}

/// Claims of a push token.
fn claims(sim: &Sim, config: &PushConfig, now: Timestamp) -> Value {
    json!({
        "aud": config.audience(),
        "azp": "113774264463038321964",
        "email": config.service_account,
        "email_verified": true,
        "exp": now.timestamp() + 3_600,
        "iat": now.timestamp(),
        "iss": &*sim.issuer,
        "sub": "113774264463038321964",
    })
}

/// The body of a push, and its headers when it is not wrapped.
pub(crate) fn payload(config: &PushConfig, of: &Notification, attempt: u32) -> (Value, Vec<(&'static str, String)>) {
    let data = json!({"emailAddress": of.email_address, "historyId": of.history_id});
    let published = of.publish_time.to_rfc3339_opts(SecondsFormat::Millis, true);
    if config.unwrapped {
        let headers = vec![
            ("x-goog-pubsub-subscription-name", config.subscription.clone()),
            ("x-goog-pubsub-message-id", of.message_id.clone()),
            ("x-goog-pubsub-publish-time", published),
        ];
        return (data, headers);
    }
    let mut body = json!({
        "message": {
            "data": STANDARD.encode(data.to_string()),
            "messageId": of.message_id,
            "message_id": of.message_id,
            "publishTime": published,
            "publish_time": published,
        },
        "subscription": config.subscription,
    });
    if config.dead_letter
        && let Some(fields) = body.as_object_mut()
    {
        fields.insert("deliveryAttempt".to_owned(), json!(attempt));
    }
    (body, Vec::new())
}
