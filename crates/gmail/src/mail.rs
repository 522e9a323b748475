//! What Gmail says about one mail.

use bytes::Bytes;
use postrider_domain::{HistoryId, LabelId, MessageId, ThreadId, Timestamp};

use super::memory::Weight;

/// A mail without its content (`format=minimal`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailMeta {
    pub id: MessageId,
    pub thread_id: ThreadId,
    pub labels: Vec<LabelId>,
    /// The last history record that changed this mail: the version of everything in this answer.
    pub history_id: HistoryId,
    /// When Google accepted the mail; orders the inbox, better than the `Date` header. Absent while Gmail has not made it
    /// up yet: it then says nothing, or 0.
    pub internal_date: Option<Timestamp>,
    /// Gmail's excerpt as plain text: entities are already unescaped, NULs replaced.
    pub snippet: String,
    /// Gmail's estimate of the mail's size, in bytes.
    pub size: u64,
}

/// A mail with its RFC 822 source (`format=raw`).
///
/// `weight` is its share of the process's memory: it goes with what is made of the mail, until that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMail {
    pub id: MessageId,
    pub thread_id: ThreadId,
    pub labels: Vec<LabelId>,
    /// The version of everything in this answer.
    pub history_id: HistoryId,
    /// When Google accepted the mail, as in [`MailMeta`].
    pub internal_date: Option<Timestamp>,
    /// Gmail's excerpt as plain text.
    pub snippet: String,
    /// Gmail's estimate of the mail's size, in bytes; `raw.len()` is exact.
    pub size: u64,
    /// The source, decoded from base64url.
    pub raw: Bytes,
    pub weight: Weight,
}
