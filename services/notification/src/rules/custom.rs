//! Notifications a user makes.

use postrider_domain::Timestamp;
use postrider_domain::text::truncate;
use serde_json::{Value, json};

use super::decision::{Because, for_row};
use super::draft::{Draft, members};
use super::kind::Kind;
use super::preferences::Preferences;

/// What `POST /api/notifications` was given, checked.
#[derive(Debug, Clone)]
pub struct Custom {
    pub title: String,
    pub message: String,
    pub sender_email: Option<String>,
    pub sender_name: Option<String>,
    pub data: Value,
}

/// Part of the message that rides in the socket event, in bytes.
const MAX_EVENT_MESSAGE: usize = 500;

/// Always a row: the user asked for it. `key` makes it its own.
pub fn custom(given: Custom, key: String, preferences: &Preferences, now: Timestamp) -> Draft {
    Draft {
        kind: Kind::Custom,
        business_key: key,
        event_members: members([
            ("title", json!(given.title)),
            ("message", json!(truncate(&given.message, MAX_EVENT_MESSAGE))),
        ]),
        title: given.title,
        message: given.message,
        sender_email: given.sender_email,
        sender_name: given.sender_name,
        folder: None,
        data: given.data,
        email_id: None,
        message_id: None,
        silenced: false,
        decisions: for_row(Because("asked_for"), None, preferences, now),
    }
}
