//! Pub/Sub push: what is sent when, what counts as an ack, what happens on a nack.
//!
//! Sources: <https://cloud.google.com/pubsub/docs/push>, <https://cloud.google.com/pubsub/docs/payload-unwrapping>,
//! <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>.

mod faults;
mod pusher;
mod queue;

use serde::{Deserialize, Serialize};

pub use faults::PushFaults;
pub(crate) use pusher::Pusher;
pub use queue::{Attempt, Job, Queue};

/// A push subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushConfig {
    /// Where pushes go; none keeps them in the log only.
    pub endpoint: Option<String>,
    /// `aud` of the token; the endpoint when unset.
    pub audience: Option<String>,
    /// `email` of the token.
    pub service_account: String,
    /// `subscription` of the body: `projects/<project>/subscriptions/<name>`.
    pub subscription: String,
    /// The topic it subscribes to; notifications of other topics go nowhere.
    pub topic: String,
    /// Body is the bare notification, metadata in `x-goog-pubsub-*` headers.
    pub unwrapped: bool,
    /// Ack deadline in seconds, also the HTTP timeout.
    pub ack_seconds: u32,
    /// Retry policy: least wait before a message is sent again; 0 is "as soon as possible".
    pub retry_min_seconds: u32,
    /// `deliveryAttempt` is given only when the subscription has a dead-letter policy.
    pub dead_letter: bool,
}

impl Default for PushConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            audience: None,
            service_account: "pubsub-push@sim-project.iam.gserviceaccount.com".to_owned(),
            subscription: "projects/sim-project/subscriptions/gmail-push".to_owned(),
            topic: "projects/sim-project/topics/gmail".to_owned(),
            unwrapped: false,
            ack_seconds: 10,
            retry_min_seconds: 0,
            dead_letter: false,
        }
    }
}

impl PushConfig {
    /// `aud` of the tokens.
    pub fn audience(&self) -> String {
        self.audience.clone().or_else(|| self.endpoint.clone()).unwrap_or_default()
    }
}

/// Whether a status acknowledges a push. 203, 206, all of 3xx, 4xx and 5xx do not.
pub fn acks(status: u16) -> bool {
    matches!(status, 102 | 200 | 201 | 202 | 204)
}

#[cfg(test)]
mod tests;
