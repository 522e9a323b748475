//! What Gmail says about a mailbox as a whole.

use postrider_domain::{EmailAddress, HistoryId, LabelId, MessageId, ThreadId, Timestamp};

/// `users.getProfile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub email: EmailAddress,
    pub messages_total: u64,
    pub threads_total: u64,
    /// The mailbox's current history id: a boundary for a full sync when read before the listing.
    pub history_id: HistoryId,
}

/// One page of `messages.list`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdPage {
    pub ids: Vec<(MessageId, ThreadId)>,
    /// Absent on the last page.
    pub next_page_token: Option<String>,
    /// Gmail's guess of the whole; for progress bars only.
    pub result_size_estimate: u64,
}

/// Who owns a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelKind {
    System,
    User,
}

/// One label of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub id: LabelId,
    /// As shown to the user; nested labels have `/` in it.
    pub name: String,
    pub kind: LabelKind,
    /// What the user chose for it; system labels have none.
    pub color: Option<LabelColor>,
}

/// Colours of a label, `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColor {
    pub text: String,
    pub background: String,
}

/// `users.watch`. No label filter: Gmail's is unreliable, so the whole mailbox is watched and filtered on our side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRequest {
    /// `projects/<project>/topics/<topic>`, in the project of the OAuth client.
    pub topic: String,
}

/// The answer to `users.watch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchAnswer {
    pub history_id: HistoryId,
    /// When Gmail stops pushing unless the watch is renewed (at most 7 days ahead).
    pub expires_at: Timestamp,
}
