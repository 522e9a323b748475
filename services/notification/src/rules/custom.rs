//! Notifications a user makes.

use postrider_domain::Timestamp;
use postrider_domain::text::truncate;
use serde_json::{Value, json};

use super::decision::{Occasion, decide};
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
        event_members: members([
            ("title", json!(given.title)),
            ("message", json!(truncate(&given.message, MAX_EVENT_MESSAGE))),
        ]),
        sender_email: given.sender_email,
        sender_name: given.sender_name,
        data: given.data,
        decisions: decide(now, preferences, Occasion::plain(Kind::Custom, "asked_for")),
        ..Draft::new(Kind::Custom, key, given.title, given.message)
    }
}
