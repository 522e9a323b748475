//! What happens to a notification when its mail goes: moves to spam or trash, or is deleted.

/// The decision for a mail that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// The notification stays as it is.
    Keep,
    /// It is taken back, with the reason.
    Withdraw(&'static str),
}

/// A mail got other labels. Gmail's verdict on spam comes seconds after the mail, and nobody wants to have been told of
/// spam; whoever has spam shown does. Whatever else becomes of a mail, its user was told of it and the notification
/// remains.
pub fn after_change(spam: bool, shows_spam: bool) -> Withdrawal {
    if spam && !shows_spam { Withdrawal::Withdraw("turned_spam") } else { Withdrawal::Keep }
}
