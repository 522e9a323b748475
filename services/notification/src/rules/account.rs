//! What the rules need to know of an account.

use postrider_domain::{ConnectorId, Timestamp, UserId};

/// An account as the projection holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: ConnectorId,
    pub owner: UserId,
    pub email_address: String,
    pub status: String,
    /// The account's mirror and notifications are to go.
    pub erase: bool,
    /// `include`, `exclude` or empty.
    pub label_filter_action: String,
    pub label_ids: Vec<String>,
    /// Whether mail in spam and trash is shown, and so notifies.
    pub include_spam_trash: bool,
    /// Time of the connector event behind these values.
    pub version_at: Timestamp,
    /// When the first complete sync was reported.
    pub first_sync_at: Option<Timestamp>,
}

impl Account {
    /// Whether an event of that time belongs to an account whose owner asked for its erasure. An event younger than
    /// what we know may come from a later connection, so it counts.
    pub fn erased_at(&self, event_time: Timestamp) -> bool {
        self.erase && self.status == "disconnected" && event_time <= self.version_at
    }

    /// Whether the account's label filter lets a mail with these labels notify.
    pub fn label_filter_passes<'a>(&self, labels: impl Iterator<Item = &'a str>) -> bool {
        if self.label_ids.is_empty() {
            return true;
        }
        let mut labels = labels;
        let hit = labels.any(|label| self.label_ids.iter().any(|wanted| wanted == label));
        match self.label_filter_action.as_str() {
            "include" => hit,
            "exclude" => !hit,
            _ => true,
        }
    }
}
