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

/// Which page of `users.messages.list`. The same but for the token from page to page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListPage<'a> {
    /// From the page before.
    pub token: Option<&'a str>,
    /// Only mails with this label.
    pub label: Option<&'a LabelId>,
    /// Only mails from this second on, by the time Gmail received them; a few of just before may be among them.
    pub since: Option<Timestamp>,
    /// Without it Gmail leaves out spam and trash.
    pub include_spam_trash: bool,
}

impl ListPage<'_> {
    /// The first page of everything, spam and trash too.
    pub const WHOLE: Self = Self { token: None, label: None, since: None, include_spam_trash: true };

    /// Gmail's search for [`Self::since`]. Whether its `after:` takes the second itself is written nowhere: a second earlier.
    pub fn search(&self) -> Option<String> {
        self.since.map(|since| format!("after:{}", since.timestamp().saturating_sub(1).max(0)))
    }
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
