//! What can go wrong with a call, sorted by what the caller must do about it. Texts in here are Google's short reasons,
//! never tokens, addresses or content.

use postrider_domain::Timestamp;

use super::TokenError;

/// Which limit refused a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// 429: concurrent requests, bandwidth or sending of this user. Concurrency is halved.
    Concurrency,
    /// 403: units per minute of the user or the project. The bucket is emptied.
    Quota,
    /// Our own governor: the mailbox may not be called before `retry_at`.
    Held,
}

/// A failed call to Gmail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GmailError {
    /// No token: see [`TokenError`] for what helps.
    #[error("no access token: {0}")]
    Token(#[from] TokenError),
    /// 401 with a token, and again with a newer one. Whether the grant is gone is for the token endpoint to say: Gmail
    /// has refused good tokens for a while.
    #[error("Gmail refused a fresh access token")]
    Auth,
    /// The grant lacks the scope for this call. Permanent until the user consents again.
    #[error("the grant lacks the scope for this call")]
    ScopeMissing,
    /// The cursor is older than the history Gmail kept: gap repair.
    #[error("the history from this id is gone")]
    HistoryGone,
    /// The page token is no longer valid: list again from the first page.
    #[error("the page token is no longer valid")]
    PageGone,
    /// No such mail, or not visible yet.
    #[error("not found")]
    NotFound,
    /// The mail is there, and Gmail gives no source for it, as for chats. It belongs to this mail alone.
    #[error("Gmail gives no source for this mail")]
    NoSource,
    /// Slow down; not before `retry_at` where Google said a time.
    #[error("rate limited ({kind:?}, retry at {retry_at:?})")]
    RateLimited { kind: LimitKind, retry_at: Option<Timestamp> },
    /// The project's daily limit: all its work stops, an operator must know.
    #[error("the project's daily limit is reached")]
    DailyLimit { retry_at: Option<Timestamp> },
    /// The mailbox is in a state that often passes (400 failedPrecondition), or mail is switched off for the user.
    #[error("the mailbox cannot answer at the moment: {reason}")]
    FailedPrecondition { reason: String },
    /// Another topic watches this account: stop, then watch once more.
    #[error("another topic watches this account")]
    WatchTaken,
    /// 403 domainPolicy: the administrator of the account's domain does not allow this application.
    #[error("the domain's administrator does not allow this application")]
    DomainPolicy,
    /// The account has no Gmail: never switched on, or its licence is gone.
    #[error("the account has no Gmail")]
    MailServiceOff,
    /// The Gmail API is not enabled in our own project: nothing an account's owner can end.
    #[error("the Gmail API is not enabled in the project")]
    ApiDisabled,
    /// Another refusal that somebody must end.
    #[error("refused for good: {reason}")]
    Permanent { reason: String },
    /// Our request was wrong. A bug; retrying changes nothing.
    #[error("Gmail did not understand the request: {reason}")]
    BadRequest { reason: String },
    /// Network, deadline, 5xx, cut-off or unreadable answer. Exponential backoff from 1 s.
    #[error("temporary failure: {reason}")]
    Transient { reason: String, retry_at: Option<Timestamp> },
}

impl GmailError {
    /// A temporary failure without a time of Google's.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient { reason: reason.into(), retry_at: None }
    }

    /// Whether the same call may succeed later without anybody acting.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transient { .. }
            | Self::RateLimited { .. }
            | Self::DailyLimit { .. }
            | Self::FailedPrecondition { .. }
            | Self::Token(TokenError::Unavailable) => true,
            Self::Token(_)
            | Self::Auth
            | Self::ScopeMissing
            | Self::HistoryGone
            | Self::PageGone
            | Self::NotFound
            | Self::NoSource
            | Self::WatchTaken
            | Self::DomainPolicy
            | Self::MailServiceOff
            | Self::ApiDisabled
            | Self::Permanent { .. }
            | Self::BadRequest { .. } => false,
        }
    }

    /// Whether the user must consent again before any call of this mailbox can succeed.
    pub fn needs_consent(&self) -> bool {
        matches!(self, Self::Token(TokenError::ReauthRequired) | Self::ScopeMissing)
    }

    /// Whether the failure belongs to the mailbox (stop its run) rather than to the one mail asked for (park it).
    pub fn stops_mailbox(&self) -> bool {
        !matches!(self, Self::NotFound | Self::NoSource | Self::PageGone | Self::BadRequest { .. } | Self::WatchTaken)
    }

    /// The earliest time at which Google (or our governor) wants to hear from this mailbox again.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::RateLimited { retry_at, .. } | Self::DailyLimit { retry_at } | Self::Transient { retry_at, .. } => {
                *retry_at
            }
            _ => None,
        }
    }

    /// A stable word for rows, metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(TokenError::ReauthRequired) => "reauth_required",
            Self::Token(TokenError::Disconnected) => "connector_disconnected",
            Self::Token(TokenError::Paused) => "connector_paused",
            Self::Token(TokenError::Unavailable) => "token_unavailable",
            Self::Auth => "auth",
            Self::ScopeMissing => "scope_missing",
            Self::HistoryGone => "history_gone",
            Self::PageGone => "page_gone",
            Self::NotFound => "not_found",
            Self::NoSource => "no_source",
            Self::RateLimited { .. } => "rate_limited",
            Self::DailyLimit { .. } => "daily_limit",
            Self::FailedPrecondition { .. } => "failed_precondition",
            Self::WatchTaken => "watch_taken",
            Self::DomainPolicy => "domain_policy",
            Self::MailServiceOff => "mail_service_off",
            Self::ApiDisabled => "api_disabled",
            Self::Permanent { .. } => "refused",
            Self::BadRequest { .. } => "bad_request",
            Self::Transient { .. } => "transient",
        }
    }
}
