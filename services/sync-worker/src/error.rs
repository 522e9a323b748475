//! What can stop work on a mailbox, sorted by what happens next.

use postrider_domain::Timestamp;
use postrider_gmail::GmailError;

/// Why work on a mailbox stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Gmail said no; the variant says what helps.
    #[error(transparent)]
    Gmail(#[from] GmailError),
    /// The database said no; nothing of the transaction happened.
    #[error(transparent)]
    Db(#[from] postrider_storage::Error),
    /// The lease is somebody else's: nothing may be written any more.
    #[error("the lease was lost")]
    Fenced,
    /// The other lane found that the history broke off: this lane's answers are of an older generation.
    #[error("the mailbox's history started over")]
    BrokenOff,
    /// No client for the mailbox can be built.
    #[error("no Gmail client: {0}")]
    Access(String),
}

impl EngineError {
    /// The earliest time at which Google, or our governor, wants to hear from this mailbox again.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::Gmail(error) => error.retry_at(),
            Self::Db(_) | Self::Fenced | Self::BrokenOff | Self::Access(_) => None,
        }
    }

    /// A stable word for rows, metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Gmail(error) => error.code(),
            Self::Db(postrider_storage::Error::Transient(_)) => "database_unavailable",
            Self::Db(_) => "database",
            Self::Fenced => "fenced",
            Self::BrokenOff => "broken_off",
            Self::Access(_) => "access",
        }
    }
}
