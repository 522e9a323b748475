//! The kinds of notification.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// What a notification is about; the text form is the column `type` and the API's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    NewMessage,
    SyncComplete,
    SyncFailed,
    ErrorOccurred,
    MessageSent,
    AttachmentDownloaded,
    QuotaWarning,
    /// Made by the user over `POST /api/notifications`.
    Custom,
}

/// A text that names no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a notification type")]
pub struct UnknownKind;

impl Kind {
    /// Every kind, in the order of the API's documentation.
    pub const ALL: [Self; 8] = [
        Self::NewMessage,
        Self::SyncComplete,
        Self::SyncFailed,
        Self::ErrorOccurred,
        Self::MessageSent,
        Self::AttachmentDownloaded,
        Self::QuotaWarning,
        Self::Custom,
    ];

    /// `new_message`, `sync_complete`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewMessage => "new_message",
            Self::SyncComplete => "sync_complete",
            Self::SyncFailed => "sync_failed",
            Self::ErrorOccurred => "error_occurred",
            Self::MessageSent => "message_sent",
            Self::AttachmentDownloaded => "attachment_downloaded",
            Self::QuotaWarning => "quota_warning",
            Self::Custom => "custom",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!("New_Message".parse::<Kind>(), Err(UnknownKind));
    }
}
