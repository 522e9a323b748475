//! What a call's end, or a refusal to make it, says about the quota.

use postrider_domain::Timestamp;

use crate::{GmailError, LimitKind};

/// What holds a call back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBy {
    /// A time that Google named for this account.
    Account,
    /// The project's day is spent, or what is left of it is kept for live mail.
    Day,
}

/// No call may be made before this time. Goes into `not_before` of the run or the mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not before {until}")]
pub struct Held {
    pub until: Timestamp,
    pub by: HeldBy,
}

impl From<Held> for GmailError {
    fn from(held: Held) -> Self {
        let retry_at = Some(held.until);
        match held.by {
            HeldBy::Account => Self::RateLimited { kind: LimitKind::Held, retry_at },
            HeldBy::Day => Self::DailyLimit { retry_at },
        }
    }
}

/// How a permitted call ended, as far as the quota cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// Gmail answered, if only "not found".
    Answered,
    /// 429: halve the concurrency, and wait if a time was named.
    TooMany { retry_at: Option<Timestamp> },
    /// 403 quota: the bucket is empty, whatever we counted.
    OutOfUnits { retry_at: Option<Timestamp> },
    /// The project's day is spent, whatever we counted.
    OutOfDay { retry_at: Option<Timestamp> },
    /// No answer, or one that says nothing about the quota.
    Failed { retry_at: Option<Timestamp> },
}

impl Called {
    /// What a call's result says about the quota.
    pub fn of<T>(result: &Result<T, GmailError>) -> Self {
        match result {
            Ok(_) | Err(GmailError::NotFound | GmailError::HistoryGone | GmailError::BadRequest { .. }) => {
                Self::Answered
            }
            Err(GmailError::RateLimited { kind: LimitKind::Concurrency, retry_at }) => {
                Self::TooMany { retry_at: *retry_at }
            }
            Err(GmailError::RateLimited { kind: LimitKind::Quota, retry_at }) => {
                Self::OutOfUnits { retry_at: *retry_at }
            }
            Err(GmailError::DailyLimit { retry_at }) => Self::OutOfDay { retry_at: *retry_at },
            Err(error) => Self::Failed { retry_at: error.retry_at() },
        }
    }
}
