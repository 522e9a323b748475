//! The kinds of notification.

postrider_domain::words! {
    /// What a notification is about: the column `type` and the API's `type`, in the order of the API's documentation.
    pub enum Kind {
        NewMessage = "new_message",
        SyncComplete = "sync_complete",
        SyncFailed = "sync_failed",
        ErrorOccurred = "error_occurred",
        MessageSent = "message_sent",
        AttachmentDownloaded = "attachment_downloaded",
        QuotaWarning = "quota_warning",
        /// Made by the user over `POST /api/notifications`.
        Custom = "custom",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(*kind));
        }
        assert!("New_Message".parse::<Kind>().is_err());
    }
}
