//! What happens to a notification when its mail goes: moves to spam or trash, or is deleted.

/// The decision for a mail that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// The notification stays as it is.
    Keep,
}

/// A mail was deleted, restored, or got other labels: the user was told of it and the notification remains.
pub fn after_change() -> Withdrawal {
    Withdrawal::Keep
}
