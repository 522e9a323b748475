//! The calls Postrider makes to Gmail, for one mailbox. Costs stand in [`crate::quota::Costs`], one method a call.

use async_trait::async_trait;
use postrider_domain::{HistoryId, MessageId};

use super::{
    GmailError, HistoryPage, IdPage, Label, ListPage, MailMeta, Profile, RawMail, Room, WatchAnswer, WatchRequest,
};

/// Gmail for one mailbox. Every call has a deadline of its own, asks for a newer token once after a 401, and retries
/// nothing else: when to try again is the caller's decision, by [`GmailError`].
#[async_trait]
pub trait GmailApi: Send + Sync {
    /// Address, totals and the mailbox's current history id.
    async fn profile(&self) -> Result<Profile, GmailError>;

    /// One page of up to 500 message ids, newest first.
    async fn list_messages(&self, page: &ListPage<'_>) -> Result<IdPage, GmailError>;

    /// A mail with its whole RFC 822 source, once there is memory for it. [`GmailError::NotFound`] may also mean "not
    /// visible yet".
    async fn get_raw(&self, id: &MessageId, room: &Room) -> Result<RawMail, GmailError>;

    /// A mail without its content: labels, version, times.
    async fn get_minimal(&self, id: &MessageId) -> Result<MailMeta, GmailError>;

    /// One page of up to 500 history records after `start`, oldest first. [`GmailError::HistoryGone`] when `start` is
    /// older than what Gmail kept.
    async fn history(&self, start: HistoryId, page_token: Option<&str>) -> Result<HistoryPage, GmailError>;

    /// All labels of the mailbox, system and user.
    async fn labels(&self) -> Result<Vec<Label>, GmailError>;

    /// Starts or renews the push watch; Gmail sends one push at once. [`GmailError::WatchTaken`] asks for
    /// [`Self::stop`] and one more try.
    async fn watch(&self, request: &WatchRequest) -> Result<WatchAnswer, GmailError>;

    /// Stops the watch of the whole account, for all its connectors.
    async fn stop(&self) -> Result<(), GmailError>;
}
