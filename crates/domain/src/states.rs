//! The states several services speak of, in their tables and events.

use crate::words;

words! {
    /// What a connected account can do at the moment.
    pub enum AccountStatus {
        Active = "active",
        /// Stopped by its owner; its grant and watch stay.
        Paused = "paused",
        /// The grant is gone or too small; only a new consent helps.
        ReauthRequired = "reauth_required",
        /// Ended by its owner.
        Disconnected = "disconnected",
    }

    /// Why a new consent is needed.
    pub enum ReauthReason {
        /// Google refused the refresh token. A revoke, a changed password, six idle months and an administrator's
        /// policy all look the same.
        InvalidGrant = "invalid_grant",
        /// The grant lives and no longer covers reading.
        ScopeMissing = "scope_missing",
        /// The grant belongs to another OAuth client than the installation has now.
        ClientChanged = "client_changed",
        /// The administrator of the account's domain does not allow this application.
        DomainPolicy = "domain_policy",
        /// The account has no Gmail any more.
        MailServiceOff = "mail_service_off",
    }

    /// How changes of a mailbox are heard of.
    pub enum WatchType {
        Push = "push",
        Polling = "polling",
    }

    /// Where a watch stands.
    pub enum WatchState {
        /// Asked for, not yet answered by Google.
        Pending = "pending",
        Active = "active",
        /// Ran out unrenewed.
        Lapsed = "lapsed",
        Stopped = "stopped",
    }

    /// What a sync run does.
    pub enum RunKind {
        /// Lists the whole mailbox and fetches what is missing.
        Full = "full",
        /// Follows the history from the cursor.
        Incremental = "incremental",
        /// Lists the mailbox again because its history expired.
        Repair = "repair",
        /// Compares mirror and mailbox.
        Audit = "audit",
        /// Removes the mirror of an account that was disconnected.
        Erase = "erase",
    }

    /// Where a sync run stands.
    pub enum RunState {
        Queued = "queued",
        Listing = "listing",
        Fetching = "fetching",
        /// Asks Gmail about each mail that was not listed.
        Confirming = "confirming",
        /// Removes what an erasure found.
        Erasing = "erasing",
        Completed = "completed",
        Failed = "failed",
        /// Another run does its work.
        Superseded = "superseded",
    }
}

impl AccountStatus {
    /// Whether it holds a grant that works as far as we know: watch and grant are kept for live accounts only.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Active | Self::Paused)
    }
}

impl RunState {
    /// Whether the run has ended, well or not.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Superseded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for status in AccountStatus::ALL {
            assert_eq!(status.as_str().parse::<AccountStatus>().unwrap(), *status);
        }
        assert_eq!("odd".parse::<RunState>().unwrap_err().to_string(), "is no RunState");
    }
}
