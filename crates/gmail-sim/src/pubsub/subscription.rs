//! One subscription: its settings, and the messages that wait to be pulled. Time is passed in.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Policy, PubSubError};
use crate::push::PushConfig;
use crate::world::Notification;

/// Messages that are not acknowledged are kept this long.
const RETENTION: TimeDelta = TimeDelta::days(7);

/// A subscription as the REST API shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    #[serde(default)]
    pub name: String,
    pub topic: String,
    #[serde(default)]
    pub push_config: Map<String, Value>,
    #[serde(default = "usual_deadline")]
    pub ack_deadline_seconds: u32,
    /// All other members: kept and shown, without effect.
    #[serde(flatten)]
    pub other: Map<String, Value>,
    /// Who may use it.
    #[serde(skip)]
    pub(super) policy: Policy,
    #[serde(skip)]
    waiting: BTreeMap<u64, Waiting>,
    #[serde(skip)]
    next: u64,
}

fn usual_deadline() -> u32 {
    10
}

#[derive(Debug, Clone)]
struct Waiting {
    notification: Notification,
    attempt: u32,
    /// Given out: nobody else gets it before.
    until: Option<Timestamp>,
}

/// Names one giving-out of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckId {
    key: u64,
    attempt: u32,
}

impl fmt::Display for AckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", self.key, self.attempt)
    }
}

impl FromStr for AckId {
    type Err = PubSubError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('-').and_then(|(key, attempt)| {
            Some((u64::from_str_radix(key, 16).ok()?, u32::from_str_radix(attempt, 16).ok()?))
        });
        let (key, attempt) = parts.ok_or_else(|| PubSubError::invalid("You have passed an invalid ack ID"))?;
        Ok(Self { key, attempt })
    }
}

/// A message given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    pub ack: AckId,
    pub notification: Notification,
    /// 1 for the first time.
    pub attempt: u32,
}

impl Subscription {
    /// A subscription that is pulled and never expires.
    pub fn new(name: &str, topic: &str) -> Self {
        Self {
            name: name.to_owned(),
            topic: topic.to_owned(),
            push_config: Map::new(),
            ack_deadline_seconds: usual_deadline(),
            other: Map::from_iter([("expirationPolicy".to_owned(), json!({}))]),
            policy: Policy::default(),
            waiting: BTreeMap::new(),
            next: 0,
        }
    }

    /// Where it pushes to, if it does.
    pub fn endpoint(&self) -> Option<&str> {
        self.push_config.get("pushEndpoint").and_then(Value::as_str).filter(|url| !url.is_empty())
    }

    /// Whether it pushes and so cannot be pulled.
    pub fn is_push(&self) -> bool {
        self.endpoint().is_some()
    }

    /// Pushes as the settings say: where to, and by whose token.
    pub(super) fn point_at(&mut self, config: &PushConfig) {
        let Some(url) = &config.endpoint else { return self.push_config.clear() };
        let mut token = Map::from_iter([("serviceAccountEmail".to_owned(), config.service_account.clone().into())]);
        if let Some(audience) = &config.audience {
            token.insert("audience".to_owned(), audience.clone().into());
        }
        self.push_config.insert("pushEndpoint".to_owned(), url.clone().into());
        self.push_config.insert("oidcToken".to_owned(), token.into());
    }

    /// As Google does where nothing else is asked for: deleted when it is idle for 31 days.
    pub(super) fn expires_as_usual(&mut self) {
        let usual = || json!({"ttl": "2678400s"});
        self.other.entry("expirationPolicy").or_insert_with(usual);
    }

    pub(super) fn check(&self) -> Result<(), PubSubError> {
        if (10..=600).contains(&self.ack_deadline_seconds) {
            return Ok(());
        }
        Err(PubSubError::invalid("ackDeadlineSeconds must be between 10 and 600"))
    }

    pub(super) fn publish(&mut self, notification: Notification) {
        self.next += 1;
        self.waiting.insert(self.next, Waiting { notification, attempt: 0, until: None });
    }

    pub(super) fn pull(&mut self, most: usize, now: Timestamp) -> Result<Vec<Pulled>, PubSubError> {
        if self.is_push() {
            let text = "This method is not supported for this subscription type.";
            return Err(PubSubError::new(400, "FAILED_PRECONDITION", text));
        }
        self.waiting.retain(|_, waiting| now - waiting.notification.publish_time <= RETENTION);
        let until = now + TimeDelta::seconds(i64::from(self.ack_deadline_seconds));
        let free = self.waiting.iter_mut().filter(|(_, waiting)| waiting.until.is_none_or(|until| until <= now));
        let give = |(key, waiting): (&u64, &mut Waiting)| {
            waiting.attempt += 1;
            waiting.until = Some(until);
            let ack = AckId { key: *key, attempt: waiting.attempt };
            Pulled { ack, notification: waiting.notification.clone(), attempt: waiting.attempt }
        };
        Ok(free.take(most).map(give).collect())
    }

    pub(super) fn acknowledge(&mut self, acks: &[AckId]) {
        for ack in acks {
            if self.waiting.get(&ack.key).is_some_and(|waiting| waiting.attempt == ack.attempt) {
                self.waiting.remove(&ack.key);
            }
        }
    }

    pub(super) fn modify_ack_deadline(&mut self, acks: &[AckId], seconds: u32, now: Timestamp) {
        for ack in acks {
            if let Some(waiting) = self.waiting.get_mut(&ack.key).filter(|waiting| waiting.attempt == ack.attempt) {
                waiting.until = Some(now + TimeDelta::seconds(i64::from(seconds)));
            }
        }
    }
}
