//! A connector's settings: what its owner may choose, in which limits, and how a change is merged.

use std::fmt;

use postrider_contracts::connector as proto;
use postrider_domain::{LabelId, Timestamp};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Attachments up to this size are fetched unless chosen otherwise: what Gmail itself lets a user attach.
pub const ATTACHMENT_MAX_BYTES: u64 = 25 * 1024 * 1024;
/// The largest mail Gmail holds (the limit of its insert and import calls).
const ATTACHMENT_LIMIT_BYTES: u64 = 157_286_400;
/// Most labels in a filter.
const MAX_LABELS: usize = 100;
/// Shortest and longest poll interval, in seconds.
const INTERVAL_SECONDS: std::ops::RangeInclusive<u32> = 15..=86_400;

/// How often a mailbox is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum PollingInterval {
    Named(NamedInterval),
    /// Seconds, 15 to 86,400.
    Seconds(u32),
}

/// The named intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamedInterval {
    /// 60 s.
    Fast,
    /// 300 s.
    Normal,
    /// 900 s.
    Slow,
}

impl PollingInterval {
    /// The interval in seconds.
    pub fn seconds(self) -> u32 {
        match self {
            Self::Named(NamedInterval::Fast) => 60,
            Self::Named(NamedInterval::Normal) => 300,
            Self::Named(NamedInterval::Slow) => 900,
            Self::Seconds(seconds) => seconds,
        }
    }
}

/// Whether the labels named are the ones that wake and notify, or the ones that do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilterAction {
    Include,
    Exclude,
}

impl FilterAction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::Exclude => "exclude",
        }
    }
}

/// When attachments are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attachments {
    /// When somebody asks for one.
    #[default]
    Lazy,
    /// With their mail.
    Eager,
    /// Never.
    None,
}

impl Attachments {
    fn as_str(self) -> &'static str {
        match self {
            Self::Lazy => "lazy",
            Self::Eager => "eager",
            Self::None => "none",
        }
    }
}

/// A connector's settings with the defaults filled in: the form in answers and in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Settings {
    /// Null: the worker's own interval.
    pub polling_interval: Option<PollingInterval>,
    /// Labels that wake and notify (or do not); what is mirrored never depends on them.
    #[schema(value_type = Vec<String>)]
    pub label_ids: Vec<LabelId>,
    pub label_filter_action: Option<FilterAction>,
    pub attachments: Attachments,
    /// Larger attachments are listed and not fetched.
    pub attachment_max_bytes: u64,
    /// Shows spam and trash and their events; the mirror always holds them.
    pub include_spam_trash: bool,
    /// First sync's window: mail that is older is not fetched for being there, only once something happens to it. An earlier
    /// time takes effect with the next run that lists the mailbox. Null: all.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub sync_since: Option<Timestamp>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            polling_interval: None,
            label_ids: Vec::new(),
            label_filter_action: None,
            attachments: Attachments::default(),
            attachment_max_bytes: ATTACHMENT_MAX_BYTES,
            include_spam_trash: false,
            sync_since: None,
        }
    }
}

/// A change of settings: what is left out stays, null goes back to the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, remote = "Self")]
pub struct SettingsPatch {
    #[serde(deserialize_with = "named")]
    pub polling_interval: Option<Option<PollingInterval>>,
    #[serde(deserialize_with = "named")]
    #[schema(value_type = Option<Vec<String>>)]
    pub label_ids: Option<Option<Vec<LabelId>>>,
    #[serde(deserialize_with = "named")]
    pub label_filter_action: Option<Option<FilterAction>>,
    #[serde(deserialize_with = "named")]
    pub attachments: Option<Option<Attachments>>,
    #[serde(deserialize_with = "named")]
    pub attachment_max_bytes: Option<Option<u64>>,
    #[serde(deserialize_with = "named")]
    pub include_spam_trash: Option<Option<bool>>,
    #[serde(deserialize_with = "named")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub sync_since: Option<Option<Timestamp>>,
}

/// serde reads an array as the members in order; the API does not.
impl<'de> Deserialize<'de> for SettingsPatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = SettingsPatch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                SettingsPatch::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Tells a member that is null from one that is left out.
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A member that is out of its limits, and why.
pub type Fault = (&'static str, &'static str);

impl SettingsPatch {
    /// The settings after this change, or every member that is out of its limits.
    pub fn apply(self, to: &Settings) -> Result<Settings, Vec<Fault>> {
        let (mut next, default) = (to.clone(), Settings::default());
        if let Some(interval) = self.polling_interval {
            next.polling_interval = interval;
        }
        if let Some(labels) = self.label_ids {
            next.label_ids = labels.unwrap_or_default();
            next.label_ids.sort();
            next.label_ids.dedup();
        }
        if let Some(action) = self.label_filter_action {
            next.label_filter_action = action;
        }
        if let Some(attachments) = self.attachments {
            next.attachments = attachments.unwrap_or_default();
        }
        if let Some(max) = self.attachment_max_bytes {
            next.attachment_max_bytes = max.unwrap_or(default.attachment_max_bytes);
        }
        if let Some(include) = self.include_spam_trash {
            next.include_spam_trash = include.unwrap_or(default.include_spam_trash);
        }
        if let Some(since) = self.sync_since {
            next.sync_since = since;
        }
        let faults = next.faults();
        if faults.is_empty() { Ok(next) } else { Err(faults) }
    }
}

impl Settings {
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.polling_interval.is_some_and(|interval| !INTERVAL_SECONDS.contains(&interval.seconds())) {
            faults.push(("settings.polling_interval", "is fast, normal, slow, or 15 to 86400 seconds"));
        }
        if self.label_ids.len() > MAX_LABELS {
            faults.push(("settings.label_ids", "holds at most 100 labels"));
        }
        if !(1..=ATTACHMENT_LIMIT_BYTES).contains(&self.attachment_max_bytes) {
            faults.push(("settings.attachment_max_bytes", "is 1 to 157286400"));
        }
        let out_of_time = |since: Timestamp| since.timestamp() < 0 || since.timestamp() > 253_402_300_799;
        if self.sync_since.is_some_and(out_of_time) {
            faults.push(("settings.sync_since", "is a time between 1970 and 9999"));
        }
        faults
    }

    /// The form in events.
    pub fn to_proto(&self) -> proto::Settings {
        proto::Settings {
            poll_interval_seconds: self.polling_interval.map_or(0, PollingInterval::seconds),
            label_ids: self.label_ids.iter().map(LabelId::to_string).collect(),
            label_filter_action: match self.label_filter_action {
                _ if self.label_ids.is_empty() => String::new(),
                action => action.unwrap_or(FilterAction::Include).as_str().to_owned(),
            },
            attachments: self.attachments.as_str().to_owned(),
            attachment_max_bytes: self.attachment_max_bytes,
            include_spam_trash: self.include_spam_trash,
            sync_since_ms: self.sync_since.map_or(0, |since| since.timestamp_millis()),
        }
    }
}

#[cfg(test)]
#[path = "settings/tests.rs"]
mod tests;
