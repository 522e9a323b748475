//! An answer with its reason. Every notification keeps its decisions; `/explain` shows them as they were taken.

use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::kind::Kind;
use super::preferences::{Preferences, Way};
use super::quiet::quiet_until;
use super::zone::local_time;

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
    /// It is under way; `deliveryStatus` says how far.
    Queued,
    /// It waits for the end of the quiet hours.
    Held,
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
    /// When what is held is decided again, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
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

/// What is to be told, as far as preferences have a say in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    pub kind: Kind,
    /// Why there is a row.
    pub reason: &'static str,
    /// Why it is written as already read and goes nowhere.
    pub silenced: Option<&'static str>,
    /// Quiet hours do not hold it.
    pub alarm: bool,
    /// It is about a mail that says it is one of ours: told by no other mail, or two of them would tell each other for ever.
    pub ours: bool,
}

impl Occasion {
    /// One that nothing is special about.
    pub const fn plain(kind: Kind, reason: &'static str) -> Self {
        Self { kind, reason, silenced: None, alarm: false, ours: false }
    }
}

/// Decides what happens now for somebody with these preferences: the row first, then each way out.
pub fn decide(now: Timestamp, preferences: &Preferences, event: Occasion) -> Vec<Decision> {
    let decision =
        |channel, outcome, reason: &str| Decision { until: None, ..made(now, preferences, channel, outcome, reason) };
    let skip = |channel, reason| decision(channel, Outcome::Skipped, reason);
    let all = |reason| Channel::ALL.iter().skip(1).map(move |channel| (*channel, reason));
    if event.reason == "type_on" && !preferences.wants(event.kind) {
        let row = skip(Channel::Row, "type_off");
        return [row].into_iter().chain(all("type_off").map(|(channel, reason)| skip(channel, reason))).collect();
    }
    if let Some(reason) = event.silenced {
        let row = decision(Channel::Row, Outcome::Done, reason);
        return [row].into_iter().chain(all(reason).map(|(channel, reason)| skip(channel, reason))).collect();
    }
    let email = alert(now, preferences, event, (Channel::Email, Way::Email, Outcome::Queued));
    let (email, digest) = match event.ours {
        true => (skip(Channel::Email, "own_mail"), skip(Channel::Digest, "own_mail")),
        false if preferences.digest_frequency.is_none() => (email, skip(Channel::Digest, "channel_off")),
        false => (email, decision(Channel::Digest, Outcome::Queued, "in_next_digest")),
    };
    vec![
        decision(Channel::Row, Outcome::Done, event.reason),
        alert(now, preferences, event, (Channel::Live, Way::InApp, Outcome::Done)),
        alert(now, preferences, event, (Channel::Push, Way::Push, Outcome::Queued)),
        email,
        webhook(now, preferences),
        digest,
    ]
}

/// Programs do not sleep: quiet hours are nothing to them.
fn webhook(now: Timestamp, preferences: &Preferences) -> Decision {
    let (outcome, reason) =
        if preferences.has(Way::Webhook) { (Outcome::Queued, "channel_on") } else { (Outcome::Skipped, "channel_off") };
    made(now, preferences, Channel::Webhook, outcome, reason)
}

/// What a person notices, at the sockets or elsewhere: at once (then it comes to `goes`), at the end of the quiet hours,
/// or never.
fn alert(
    now: Timestamp,
    preferences: &Preferences,
    event: Occasion,
    (channel, way, goes): (Channel, Way, Outcome),
) -> Decision {
    let decision = |outcome, reason| made(now, preferences, channel, outcome, reason);
    if !preferences.has(way) {
        return decision(Outcome::Skipped, "channel_off");
    }
    match quiet_until(preferences, now) {
        Some(_) if event.alarm => decision(goes, "alarm"),
        Some(until) => Decision { until: Some(until.timestamp_millis()), ..decision(Outcome::Held, "quiet_hours") },
        None => decision(goes, "channel_on"),
    }
}

/// The same where there is no mail server.
#[must_use]
pub fn without_mails(decisions: Vec<Decision>) -> Vec<Decision> {
    let by_mail = |made: &Decision| matches!(made.channel, Channel::Email | Channel::Digest);
    let without = |made: Decision| match by_mail(&made) && made.outcome != Outcome::Skipped {
        true => Decision { outcome: Outcome::Skipped, reason: "channel_not_available".to_owned(), until: None, ..made },
        false => made,
    };
    decisions.into_iter().map(without).collect()
}

/// The same where the user has no browser that takes pushes.
#[must_use]
pub fn without_browsers(decisions: Vec<Decision>) -> Vec<Decision> {
    let without = |made: Decision| match made.channel == Channel::Push && made.outcome == Outcome::Queued {
        true => Decision { outcome: Outcome::Skipped, reason: "no_subscription".to_owned(), until: None, ..made },
        false => made,
    };
    decisions.into_iter().map(without).collect()
}

/// A decision with the time it was taken at.
pub fn made(now: Timestamp, preferences: &Preferences, channel: Channel, outcome: Outcome, reason: &str) -> Decision {
    let local_time = local_time(now, preferences.quiet_hours_timezone.as_str());
    Decision { channel, outcome, reason: reason.to_owned(), local_time, until: None }
}

/// The one decision of a row that is not written.
pub fn against(reason: &'static str, preferences: &Preferences, now: Timestamp) -> Decision {
    made(now, preferences, Channel::Row, Outcome::Skipped, reason)
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
