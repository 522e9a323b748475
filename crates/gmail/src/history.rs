//! Pages of a mailbox's history, as typed lists, and what a record's `messages` names beside them.

use postrider_domain::{HistoryId, LabelId, MessageId, ThreadId};

/// One page of history records, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryPage {
    /// May be empty even where more pages follow.
    pub records: Vec<HistoryRecord>,
    /// The mailbox's current id at the time of this answer. When paging, keep the one of the first page.
    pub history_id: HistoryId,
    /// Absent on the last page.
    pub next_page_token: Option<String>,
}

/// One record. It may hold several kinds of change at once; all of them apply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryRecord {
    pub id: HistoryId,
    /// Mails that appeared (also drafts, sent, imported ones).
    pub added: Vec<MessageRef>,
    /// Mails deleted for good. Trashing is a label change.
    pub deleted: Vec<MessageRef>,
    pub labels_added: Vec<LabelChange>,
    pub labels_removed: Vec<LabelChange>,
    /// Mails that stand in the record's `messages` and in none of its typed lists: Gmail was seen to name new mail so.
    pub named: Vec<MessageRef>,
    /// Entries that named no usable message id: nothing can be applied for them, so that the ledger counts them.
    pub unreadable: u32,
}

impl HistoryRecord {
    /// Number of entries, for the ledger: seen = applied + tombstoned + parked.
    pub fn entries(&self) -> usize {
        let typed = self.added.len() + self.deleted.len() + self.labels_added.len() + self.labels_removed.len();
        typed + self.named.len()
    }
}

/// A mail named by a record, with the labels it carried when Gmail wrote the answer (absent where Gmail says nothing).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRef {
    pub message_id: MessageId,
    /// Absent only in malformed answers.
    pub thread_id: Option<ThreadId>,
    pub labels: Option<Vec<LabelId>>,
}

/// Labels put on or taken off one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelChange {
    pub message_id: MessageId,
    pub thread_id: Option<ThreadId>,
    /// The labels that were added or removed.
    pub labels: Vec<LabelId>,
    /// All labels of the mail as the record reports them, where it does.
    pub all_labels: Option<Vec<LabelId>>,
}
