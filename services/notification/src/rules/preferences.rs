//! Preferences: what a user has set (a patch) over the defaults.

mod values;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::kind::Kind;

pub use values::{Folder, Frequency, Sender, WallTime, Way, WrongValue, Zone};

/// Declares every setting once, with its default: the values in force, what a row sets of them, what a request changes.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr,)+) => {
        /// The values in force for a user, or for one account of theirs.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct Preferences {
            $($(#[$doc])* pub $name: $type,)+
        }

        impl Default for Preferences {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        /// What was set: absent members keep the value below them. Stored as JSON. A member that is unknown, or whose value
        /// is none any more (a zone that a newer version's data lacks), counts as not set: a setting must not stop mail.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct Overrides {
            $(
                #[serde(deserialize_with = "known")]
                pub $name: Option<$type>,
            )+
        }

        /// What a request changes: only members it names. Null takes a setting back to the value below it.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[schema(as = PreferencesChange)]
        pub struct Changes {
            /// Read-only: accepted, so that an answer may be sent back as it came, and ignored.
            #[serde(default, skip_serializing)]
            pub id: Option<Value>,
            /// Read-only.
            #[serde(default, skip_serializing)]
            pub user_id: Option<Value>,
            /// Read-only: the account is named by `connector_id` or `X-Account-ID`.
            #[serde(default, skip_serializing)]
            pub account_id: Option<Value>,
            $(
                #[serde(default, deserialize_with = "named", skip_serializing_if = "Option::is_none")]
                #[schema(value_type = Option<$type>)]
                pub $name: Option<Option<$type>>,
            )+
        }

        impl Preferences {
            /// These values with a patch laid over them.
            #[must_use]
            pub fn with(self, patch: Overrides) -> Self {
                Self { $($name: patch.$name.unwrap_or(self.$name),)+ }
            }
        }
    };
}

settings! {
    notify_new_message: bool = true,
    notify_sync_complete: bool = false,
    notify_sync_failed: bool = true,
    notify_error: bool = true,
    notify_message_sent: bool = false,
    notify_attachment_downloaded: bool = false,
    notify_quota_warning: bool = true,
    digest_frequency: Frequency = Frequency::None,
    digest_time: WallTime = WallTime::hour(9),
    digest_timezone: Zone = Zone::utc(),
    /// Where mails go: an address of one of the user's accounts, or one that was confirmed. Null: the account's own.
    digest_email: Option<String> = None,
    channels: Vec<Way> = vec![Way::InApp],
    silenced_senders: Vec<Sender> = Vec::new(),
    silenced_folders: Vec<Folder> = Vec::new(),
    push_enabled: bool = false,
    quiet_hours_enabled: bool = false,
    quiet_hours_start: WallTime = WallTime::hour(22),
    quiet_hours_end: WallTime = WallTime::hour(8),
    quiet_hours_timezone: Zone = Zone::utc(),
    include_content: bool = true,
}

impl Overrides {
    /// Whether an account with these has digests of its own, or none.
    pub fn decides_about_digests(&self) -> bool {
        self.digest_frequency.is_some()
            || self.digest_time.is_some()
            || self.digest_timezone.is_some()
            || self.digest_email.is_some()
    }
}

/// A stored value, if it is still one.
fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// A member that is there, be it null.
fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

impl Preferences {
    /// Whether rows of this kind are wanted. `custom` is the user's own doing and always is.
    pub fn wants(&self, kind: Kind) -> bool {
        match kind {
            Kind::NewMessage => self.notify_new_message,
            Kind::SyncComplete => self.notify_sync_complete,
            Kind::SyncFailed => self.notify_sync_failed,
            Kind::ErrorOccurred => self.notify_error,
            Kind::MessageSent => self.notify_message_sent,
            Kind::AttachmentDownloaded => self.notify_attachment_downloaded,
            Kind::QuotaWarning => self.notify_quota_warning,
            Kind::Custom => true,
        }
    }

    /// Whether a way is among the chosen ones. Push has a switch of its own beside.
    pub fn has(&self, way: Way) -> bool {
        self.channels.contains(&way) && (way != Way::Push || self.push_enabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_api() {
        let wanted = |kind| Preferences::default().wants(kind);
        for on in [Kind::NewMessage, Kind::SyncFailed, Kind::ErrorOccurred, Kind::QuotaWarning] {
            assert!(wanted(on), "{on}");
        }
        for off in [Kind::SyncComplete, Kind::MessageSent, Kind::AttachmentDownloaded] {
            assert!(!wanted(off), "{off}");
        }
        let shown = serde_json::to_value(Preferences::default()).unwrap();
        assert_eq!((&shown["digestTime"], &shown["quietHoursStart"]), (&"09:00".into(), &"22:00".into()));
    }

    #[test]
    fn an_account_patch_lies_over_the_users() {
        let user = Overrides { notify_new_message: Some(false), include_content: Some(false), ..Overrides::default() };
        let account: Overrides = serde_json::from_str(r#"{"notifyNewMessage":true,"later":1}"#).unwrap();
        let effective = Preferences::default().with(user).with(account);
        assert!(effective.notify_new_message && !effective.include_content);
    }

    #[test]
    fn a_stored_value_that_is_none_any_more_counts_as_not_set() {
        let text =
            r#"{"quietHoursTimezone":"Mars/Olympus","channels":["fax"],"notifyError":"yes","includeContent":false}"#;
        let stored: Overrides = serde_json::from_str(text).unwrap();
        let expected = Overrides { include_content: Some(false), ..Overrides::default() };
        assert_eq!(stored, expected);
    }

    #[test]
    fn a_change_names_what_it_sets_and_what_it_takes_back() {
        let text = r#"{"id":"x","digestEmail":null,"channels":["push"],"quietHoursEnd":"06:30","pushEnabled":null}"#;
        let changes: Changes = serde_json::from_str(text).unwrap();
        let patch = serde_json::json!({ "digestEmail": null, "channels": ["push"], "quietHoursEnd": "06:30", "pushEnabled": null });
        assert_eq!(serde_json::to_value(&changes).unwrap(), patch);
        for bad in [r#"{"channels":["fax"]}"#, r#"{"digestFrequency":"hourly"}"#, r#"{"notifyAll":true}"#] {
            assert!(serde_json::from_str::<Changes>(bad).is_err(), "{bad}");
        }
    }
}
