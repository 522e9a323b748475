//! Preferences: what a user has set (a patch) over the defaults.

use serde::{Deserialize, Serialize};

use super::decision::Channel;
use super::kind::Kind;

/// The values in force for a user, or for one account of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preferences {
    pub notify_new_message: bool,
    pub notify_sync_complete: bool,
    pub notify_sync_failed: bool,
    pub notify_error: bool,
    pub notify_message_sent: bool,
    pub notify_attachment_downloaded: bool,
    pub notify_quota_warning: bool,
    /// `none`, `daily`, `weekly`, `monthly`.
    pub digest_frequency: String,
    /// Wall-clock time, `HH:MM`.
    pub digest_time: String,
    /// IANA zone.
    pub digest_timezone: String,
    pub digest_email: Option<String>,
    /// Of `in_app`, `email`, `push`, `webhook`.
    pub channels: Vec<String>,
    pub silenced_senders: Vec<String>,
    pub silenced_folders: Vec<String>,
    pub push_enabled: bool,
    pub quiet_hours_enabled: bool,
    pub quiet_hours_start: String,
    pub quiet_hours_end: String,
    pub quiet_hours_timezone: String,
    pub include_content: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            notify_new_message: true,
            notify_sync_complete: false,
            notify_sync_failed: true,
            notify_error: true,
            notify_message_sent: false,
            notify_attachment_downloaded: false,
            notify_quota_warning: true,
            digest_frequency: "none".to_owned(),
            digest_time: "09:00".to_owned(),
            digest_timezone: "UTC".to_owned(),
            digest_email: None,
            channels: vec!["in_app".to_owned()],
            silenced_senders: Vec::new(),
            silenced_folders: Vec::new(),
            push_enabled: false,
            quiet_hours_enabled: false,
            quiet_hours_start: "22:00".to_owned(),
            quiet_hours_end: "08:00".to_owned(),
            quiet_hours_timezone: "UTC".to_owned(),
            include_content: true,
        }
    }
}

/// What was set: absent members keep the value below them. Stored as JSON; an unknown member is an older or newer
/// version's and is ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Overrides {
    pub notify_new_message: Option<bool>,
    pub notify_sync_complete: Option<bool>,
    pub notify_sync_failed: Option<bool>,
    pub notify_error: Option<bool>,
    pub notify_message_sent: Option<bool>,
    pub notify_attachment_downloaded: Option<bool>,
    pub notify_quota_warning: Option<bool>,
    pub digest_frequency: Option<String>,
    pub digest_time: Option<String>,
    pub digest_timezone: Option<String>,
    pub digest_email: Option<String>,
    pub channels: Option<Vec<String>>,
    pub silenced_senders: Option<Vec<String>>,
    pub silenced_folders: Option<Vec<String>>,
    pub push_enabled: Option<bool>,
    pub quiet_hours_enabled: Option<bool>,
    pub quiet_hours_start: Option<String>,
    pub quiet_hours_end: Option<String>,
    pub quiet_hours_timezone: Option<String>,
    pub include_content: Option<bool>,
}

fn put<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

impl Preferences {
    /// These values with a patch laid over them.
    #[must_use]
    pub fn with(mut self, patch: Overrides) -> Self {
        put(&mut self.notify_new_message, patch.notify_new_message);
        put(&mut self.notify_sync_complete, patch.notify_sync_complete);
        put(&mut self.notify_sync_failed, patch.notify_sync_failed);
        put(&mut self.notify_error, patch.notify_error);
        put(&mut self.notify_message_sent, patch.notify_message_sent);
        put(&mut self.notify_attachment_downloaded, patch.notify_attachment_downloaded);
        put(&mut self.notify_quota_warning, patch.notify_quota_warning);
        put(&mut self.digest_frequency, patch.digest_frequency);
        put(&mut self.digest_time, patch.digest_time);
        put(&mut self.digest_timezone, patch.digest_timezone);
        self.digest_email = patch.digest_email.or(self.digest_email);
        put(&mut self.channels, patch.channels);
        put(&mut self.silenced_senders, patch.silenced_senders);
        put(&mut self.silenced_folders, patch.silenced_folders);
        put(&mut self.push_enabled, patch.push_enabled);
        put(&mut self.quiet_hours_enabled, patch.quiet_hours_enabled);
        put(&mut self.quiet_hours_start, patch.quiet_hours_start);
        put(&mut self.quiet_hours_end, patch.quiet_hours_end);
        put(&mut self.quiet_hours_timezone, patch.quiet_hours_timezone);
        put(&mut self.include_content, patch.include_content);
        self
    }

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

    /// Whether a channel is among the chosen ones.
    pub fn has_channel(&self, channel: Channel) -> bool {
        self.channels.iter().any(|chosen| chosen == channel.as_str())
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
    }

    #[test]
    fn an_account_patch_lies_over_the_users() {
        let user = Overrides { notify_new_message: Some(false), include_content: Some(false), ..Overrides::default() };
        let account: Overrides = serde_json::from_str(r#"{"notifyNewMessage":true,"later":1}"#).unwrap();
        let effective = Preferences::default().with(user).with(account);
        assert!(effective.notify_new_message && !effective.include_content);
    }
}
