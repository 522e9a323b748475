//! Pub/Sub as data: topics with their IAM policies, subscriptions, and what waits to be pulled. Pushing is `push`.
//!
//! Source: <https://cloud.google.com/pubsub/docs/reference/rest>.

mod policy;
mod subscription;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use postrider_domain::Timestamp;

pub use policy::{Binding, Policy};
pub use subscription::{AckId, Pulled, Subscription};

use crate::push::PushConfig;
use crate::world::Notification;

/// The service account that Gmail publishes as; a topic must let it.
pub const GMAIL: &str = "serviceAccount:gmail-api-push@system.gserviceaccount.com";

/// What a subscription names whose topic was deleted.
const DELETED_TOPIC: &str = "_deleted-topic_";

/// Why a Pub/Sub call is refused: Google's canonical code, its HTTP status, a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct PubSubError {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl PubSubError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    fn missing(name: &str) -> Self {
        let short = name.rsplit('/').next().unwrap_or(name);
        Self::new(404, "NOT_FOUND", format!("Resource not found (resource={short})."))
    }

    fn exists(name: &str) -> Self {
        let short = name.rsplit('/').next().unwrap_or(name);
        Self::new(409, "ALREADY_EXISTS", format!("Resource already exists in the project (resource={short})."))
    }
}

#[derive(Debug, Default)]
struct State {
    topics: BTreeMap<String, Policy>,
    subscriptions: BTreeMap<String, Subscription>,
}

/// All topics and subscriptions of all projects.
#[derive(Debug)]
pub struct PubSub {
    state: Mutex<State>,
    /// Something was published: those that wait for messages look again.
    pub(crate) published: tokio::sync::Notify,
}

impl PubSub {
    /// The topic and the subscription of the settings, ready for Gmail.
    pub fn new(config: &PushConfig) -> Self {
        let new = Self { state: Mutex::default(), published: tokio::sync::Notify::new() };
        new.adopt(config);
        new
    }

    /// Takes over where the push subscription points.
    pub fn adopt(&self, config: &PushConfig) {
        let mut state = self.state();
        state.topics.entry(config.topic.clone()).or_insert_with(Policy::for_gmail);
        let new = || Subscription::new(&config.subscription, &config.topic);
        let known = state.subscriptions.entry(config.subscription.clone()).or_insert_with(new);
        config.topic.clone_into(&mut known.topic);
        known.ack_deadline_seconds = config.ack_seconds;
        known.point_at(config);
    }

    /// Creates a topic that nobody may publish to yet.
    pub fn create_topic(&self, name: &str) -> Result<(), PubSubError> {
        let mut state = self.state();
        if state.topics.contains_key(name) {
            return Err(PubSubError::exists(name));
        }
        state.topics.insert(name.to_owned(), Policy::default());
        Ok(())
    }

    /// Whether a topic exists.
    pub fn topic(&self, name: &str) -> Result<(), PubSubError> {
        self.policy(name).map(drop)
    }

    /// Whether Gmail may publish to a topic; `None` if it was never created here.
    pub fn lets_gmail_publish(&self, topic: &str) -> Option<bool> {
        self.state().topics.get(topic).map(Policy::lets_gmail_publish)
    }

    /// A topic's policy.
    pub fn policy(&self, topic: &str) -> Result<Policy, PubSubError> {
        self.state().topics.get(topic).cloned().ok_or_else(|| PubSubError::missing(topic))
    }

    /// Replaces a topic's policy; 409 if the one that was read is not the current one.
    pub fn set_policy(&self, topic: &str, wanted: Policy) -> Result<Policy, PubSubError> {
        let mut state = self.state();
        let current = state.topics.get_mut(topic).ok_or_else(|| PubSubError::missing(topic))?;
        current.replace(wanted)?;
        Ok(current.clone())
    }

    /// A subscription's policy.
    pub fn subscription_policy(&self, name: &str) -> Result<Policy, PubSubError> {
        self.with(name, |subscription| Ok(subscription.policy.clone()))
    }

    /// Replaces a subscription's policy, as [`Self::set_policy`] does a topic's.
    pub fn set_subscription_policy(&self, name: &str, wanted: Policy) -> Result<Policy, PubSubError> {
        self.with(name, |subscription| {
            subscription.policy.replace(wanted)?;
            Ok(subscription.policy.clone())
        })
    }

    /// Deletes a topic; its subscriptions stay, without one.
    pub fn delete_topic(&self, name: &str) -> Result<(), PubSubError> {
        let mut state = self.state();
        state.topics.remove(name).ok_or_else(|| PubSubError::missing(name))?;
        for orphan in state.subscriptions.values_mut().filter(|one| one.topic == name) {
            DELETED_TOPIC.clone_into(&mut orphan.topic);
        }
        Ok(())
    }

    /// Creates a subscription to a topic that exists.
    pub fn create_subscription(&self, mut wanted: Subscription) -> Result<Subscription, PubSubError> {
        let mut state = self.state();
        if state.subscriptions.contains_key(&wanted.name) {
            return Err(PubSubError::exists(&wanted.name));
        }
        if !state.topics.contains_key(&wanted.topic) {
            return Err(PubSubError::missing(&wanted.topic));
        }
        wanted.check()?;
        wanted.expires_as_usual();
        state.subscriptions.insert(wanted.name.clone(), wanted.clone());
        Ok(wanted)
    }

    /// A subscription's settings.
    pub fn subscription(&self, name: &str) -> Result<Subscription, PubSubError> {
        self.with(name, |subscription| Ok(subscription.clone()))
    }

    /// Changes a subscription's settings; they are left as they were if the result is not allowed.
    pub fn change_subscription(
        &self,
        name: &str,
        change: impl FnOnce(&mut Subscription) -> Result<(), PubSubError>,
    ) -> Result<Subscription, PubSubError> {
        self.with(name, |current| {
            let mut wanted = current.clone();
            change(&mut wanted)?;
            wanted.check()?;
            *current = wanted;
            Ok(current.clone())
        })
    }

    /// Deletes a subscription with all its messages.
    pub fn delete_subscription(&self, name: &str) -> Result<(), PubSubError> {
        self.state().subscriptions.remove(name).map(drop).ok_or_else(|| PubSubError::missing(name))
    }

    /// A message for all subscriptions to its topic that are pulled.
    pub fn publish(&self, notification: &Notification) {
        let mut state = self.state();
        let to = state.subscriptions.values_mut().filter(|one| one.topic == notification.topic && !one.is_push());
        to.for_each(|subscription| subscription.publish(notification.clone()));
        drop(state);
        self.published.notify_waiters();
    }

    /// Takes messages: nobody else gets them until the ack deadline is over.
    pub fn pull(&self, name: &str, most: usize, now: Timestamp) -> Result<Vec<Pulled>, PubSubError> {
        self.with(name, |subscription| subscription.pull(most, now))
    }

    /// Acknowledges messages. Ids of messages that are gone, or were given out again since, do nothing.
    pub fn acknowledge(&self, name: &str, acks: &[AckId]) -> Result<(), PubSubError> {
        self.with(name, |subscription| {
            subscription.acknowledge(acks);
            Ok(())
        })
    }

    /// Moves the ack deadline to `seconds` from now; 0 gives the messages back at once.
    pub fn modify_ack_deadline(
        &self,
        name: &str,
        acks: &[AckId],
        seconds: u32,
        now: Timestamp,
    ) -> Result<(), PubSubError> {
        if seconds > 600 {
            return Err(PubSubError::invalid("ackDeadlineSeconds must be between 0 and 600"));
        }
        self.with(name, |subscription| {
            subscription.modify_ack_deadline(acks, seconds, now);
            Ok(())
        })
    }

    fn with<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Subscription) -> Result<T, PubSubError>,
    ) -> Result<T, PubSubError> {
        let mut state = self.state();
        act(state.subscriptions.get_mut(name).ok_or_else(|| PubSubError::missing(name))?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
