//! An answer with its reason. Every notification keeps its decisions; `/explain` shows them as they were taken.

use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::kind::Kind;
use super::local_time::local_time;
use super::preferences::Preferences;

postrider_domain::words! {
    /// What a decision is about.
    #[derive(Serialize, Deserialize, utoipa::ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Channel {
        /// The row itself.
        Row = "row",
        /// The event at the user's sockets.
        Live = "live",
        Push = "push",
        Email = "email",
        Webhook = "webhook",
        Digest = "digest",
    }
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It happens with the row's transaction.
    Done,
    /// It does not happen.
    Skipped,
}

/// One decision: what, which way, why, and what time it was for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub channel: Channel,
    pub outcome: Outcome,
    /// A stable code: `type_on`, `type_off`, `first_sync`, `sent_copy`, …
    pub reason: String,
    /// The user's local time the decision was taken at, with the zone's name.
    pub local_time: String,
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// A row is written, once.
    Raise(Box<Draft>),
    /// No row; the reason is kept.
    Suppress { kind: Kind, business_key: String, decision: Decision },
    /// The event never concerns a user.
    Ignore,
}

/// All decisions of a row that is written because of `reason`. Channels other than row and live have no way out yet; they say so.
pub fn for_row(
    reason: &'static str,
    silenced: Option<&'static str>,
    preferences: &Preferences,
    at: Timestamp,
) -> Vec<Decision> {
    let local_time = local_time(at, &preferences.quiet_hours_timezone);
    let decide = |channel, outcome, reason: &str| Decision {
        channel,
        outcome,
        reason: reason.to_owned(),
        local_time: local_time.clone(),
    };
    let off = |on: bool| if on { "channel_not_available" } else { "channel_off" };
    let (push, email, webhook, digest) = match silenced {
        Some(reason) => (reason, reason, reason, reason),
        None => (
            off(preferences.has_channel(Channel::Push)),
            off(preferences.has_channel(Channel::Email)),
            off(preferences.has_channel(Channel::Webhook)),
            off(preferences.digest_frequency != "none"),
        ),
    };
    let row = silenced.unwrap_or(reason);
    vec![
        decide(Channel::Row, Outcome::Done, row),
        decide(Channel::Live, Outcome::Done, if silenced.is_some() { "already_read" } else { "always_live" }),
        decide(Channel::Push, Outcome::Skipped, push),
        decide(Channel::Email, Outcome::Skipped, email),
        decide(Channel::Webhook, Outcome::Skipped, webhook),
        decide(Channel::Digest, Outcome::Skipped, digest),
    ]
}

/// The one decision of a row that is not written.
pub fn against(reason: &'static str, preferences: &Preferences, at: Timestamp) -> Decision {
    Decision {
        channel: Channel::Row,
        outcome: Outcome::Skipped,
        reason: reason.to_owned(),
        local_time: local_time(at, &preferences.quiet_hours_timezone),
    }
}
