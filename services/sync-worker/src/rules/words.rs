//! Words that rows and events of this service use, beside the states several services share.

use postrider_domain::words;

words! {
    /// Why a run was begun.
    pub enum RunReason {
        /// The mailbox had none before.
        First = "first",
        /// A person asked for it.
        Asked = "asked",
        /// Gmail's history no longer reached back to the cursor.
        HistoryExpired = "history_expired",
        /// The mailbox is another one than before.
        Recreated = "recreated",
        /// A day has passed since the mirror was compared with the whole mailbox.
        Scheduled = "scheduled",
        /// No run at all: the mailbox was looked at by itself.
        Poll = "poll",
    }
}
