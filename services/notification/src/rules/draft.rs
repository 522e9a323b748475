//! A notification before it has an id and a number.

use postrider_domain::Timestamp;
use postrider_domain::text::without_nul;
use serde_json::{Map, Value, json};

use super::decision::{Channel, Decision, Outcome};
use super::kind::Kind;
use super::room::Room;

/// When the user's sockets are alerted. The unread count follows the row in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    Now,
    /// Decided again at that time, when the quiet hours end.
    Later(Timestamp),
    Never,
}

/// What is to be written, and what its sockets are to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub kind: Kind,
    /// One notification for each (user, kind, key).
    pub business_key: String,
    pub title: String,
    pub message: String,
    pub sender_email: Option<String>,
    pub sender_name: Option<String>,
    pub folder: Option<String>,
    /// Free members kept with the row.
    pub data: Value,
    pub email_id: Option<String>,
    pub message_id: Option<String>,
    /// The number of the event it is about in its account's feed, if it stands there.
    pub feed_seq: Option<i64>,
    /// Channels it goes out by whatever its user has chosen for everything.
    pub also: Vec<String>,
    /// Why it is written as already read: the sender or folder is silenced.
    pub silenced: Option<&'static str>,
    /// Quiet hours do not hold it: the user has to act.
    pub alarm: bool,
    /// It is about a mail that says it is one of ours.
    pub ours: bool,
    pub decisions: Vec<Decision>,
    /// Members of the socket event beside `notificationId`.
    pub event_members: Map<String, Value>,
}

impl Draft {
    /// One with the members every notification has; the rest is empty.
    pub fn new(kind: Kind, business_key: String, title: String, message: String) -> Self {
        Self {
            kind,
            business_key,
            title,
            message,
            sender_email: None,
            sender_name: None,
            folder: None,
            data: json!({}),
            email_id: None,
            message_id: None,
            feed_seq: None,
            also: Vec::new(),
            silenced: None,
            alarm: false,
            ours: false,
            decisions: Vec::new(),
            event_members: Map::new(),
        }
    }

    /// What its sockets get, as it was decided.
    pub fn live(&self) -> Live {
        let decision = self.decisions.iter().find(|decision| decision.channel == Channel::Live);
        match decision.map(|decision| (decision.outcome, decision.until)) {
            Some((Outcome::Done, _)) => Live::Now,
            Some((Outcome::Held, Some(until))) => {
                Timestamp::from_timestamp_millis(until).map_or(Live::Now, Live::Later)
            }
            _ => Live::Never,
        }
    }

    /// Whether it goes out by a channel.
    pub fn goes_by(&self, channel: Channel) -> bool {
        self.decisions.iter().any(|decision| decision.channel == channel && decision.outcome == Outcome::Queued)
    }

    /// When what is held of it is decided again.
    pub fn held_until(&self) -> Option<Timestamp> {
        let held = self.decisions.iter().filter(|decision| decision.outcome == Outcome::Held);
        held.filter_map(|decision| Timestamp::from_timestamp_millis(decision.until?)).min()
    }

    /// Whether a digest may name it.
    pub fn is_for_digests(&self) -> bool {
        self.silenced.is_none() && !self.ours
    }

    /// Room and name of the event its sockets get.
    pub fn event(&self) -> (Room, &'static str) {
        match self.kind {
            Kind::NewMessage => (Room::Notifications, "notification:new_message"),
            Kind::SyncComplete => (Room::Sync, "notification:sync_complete"),
            Kind::SyncFailed => (Room::Sync, "notification:sync_failed"),
            Kind::ErrorOccurred => (Room::Notifications, "notification:error"),
            Kind::MessageSent => (Room::Notifications, "notification:message_sent"),
            Kind::AttachmentDownloaded => (Room::Notifications, "notification:attachment_downloaded"),
            Kind::QuotaWarning => (Room::Notifications, "notification:quota_warning"),
            Kind::Custom => (Room::Notifications, "notification:custom"),
        }
    }

    /// The same without NUL characters, which Postgres takes neither in text nor in JSON: a mail that holds one must
    /// not be redelivered for ever.
    #[must_use]
    pub fn storable(self) -> Self {
        Self {
            business_key: without_nul(self.business_key),
            title: without_nul(self.title),
            message: without_nul(self.message),
            sender_email: self.sender_email.map(without_nul),
            sender_name: self.sender_name.map(without_nul),
            folder: self.folder.map(without_nul),
            data: value_without_nul(self.data),
            email_id: self.email_id.map(without_nul),
            message_id: self.message_id.map(without_nul),
            event_members: members_without_nul(self.event_members),
            ..self
        }
    }

    /// The event's members with the id the row got.
    pub fn payload(&self, notification_id: &str) -> Value {
        let mut members = self.event_members.clone();
        members.insert("notificationId".to_owned(), json!(notification_id));
        if let Some(seq) = self.feed_seq {
            members.insert("seq".to_owned(), json!(seq));
        }
        Value::Object(members)
    }
}

pub(super) fn value_without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(items) => items.into_iter().map(value_without_nul).collect(),
        Value::Object(members) => Value::Object(members_without_nul(members)),
        other => other,
    }
}

fn members_without_nul(members: Map<String, Value>) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (without_nul(name), value_without_nul(value))).collect()
}

/// Builds the members of an event.
pub fn members<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
