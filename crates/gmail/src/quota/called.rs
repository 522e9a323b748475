//! What a call's end, or a refusal to make it, says about the quota.

use postrider_domain::Timestamp;

use crate::{GmailError, LimitKind};

/// The mailbox may not be called before this time. Goes into the mailbox row's `not_before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not before {until}")]
pub struct Held {
    pub until: Timestamp,
}

impl From<Held> for GmailError {
    fn from(held: Held) -> Self {
        Self::RateLimited { kind: LimitKind::Held, retry_at: Some(held.until) }
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
            Err(error) => Self::Failed { retry_at: error.retry_at() },
        }
    }
}
