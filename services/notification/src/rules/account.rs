//! What the rules need to know of an account.

use postrider_domain::{AccountStatus, ConnectorId, Timestamp, UserId};

postrider_domain::words! {
    /// What an account's labels do to its mail.
    pub enum LabelFilter {
        Off = "",
        /// Only mail with one of them notifies.
        Include = "include",
        /// Mail with one of them does not.
        Exclude = "exclude",
    }
}

postrider_storage::row! {
    /// An account as the projection holds it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Account {
        pub id: ConnectorId,
        pub owner: UserId,
        pub status: AccountStatus,
        /// The account's mirror and notifications are to go.
        pub erase: bool,
        pub label_filter: LabelFilter,
        pub label_ids: Vec<String>,
        /// Whether mail in spam and trash is shown, and so notifies.
        pub include_spam_trash: bool,
        /// Time of the connector event behind these values.
        pub version_at: Timestamp,
        /// When the first complete sync was reported.
        pub first_sync_at: Option<Timestamp>,
    }
}

impl Account {
    /// Whether its owner ended it and asked for its erasure.
    pub fn is_erased(&self) -> bool {
        self.erase && self.status == AccountStatus::Disconnected
    }

    /// Whether a label was chosen to notify: then mail that a filter files away on arrival does too.
    pub fn is_chosen<'a>(&self, mut labels: impl Iterator<Item = &'a str>) -> bool {
        self.label_filter == LabelFilter::Include
            && labels.any(|label| self.label_ids.iter().any(|wanted| wanted == label))
    }

    /// Whether the account's label filter lets a mail with these labels notify.
    pub fn label_filter_passes<'a>(&self, mut labels: impl Iterator<Item = &'a str>) -> bool {
        if self.label_ids.is_empty() {
            return true;
        }
        let hit = labels.any(|label| self.label_ids.iter().any(|wanted| wanted == label));
        match self.label_filter {
            LabelFilter::Off => true,
            LabelFilter::Include => hit,
            LabelFilter::Exclude => !hit,
        }
    }
}
