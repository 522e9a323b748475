//! What can go wrong, one variant for each thing a caller can do about it, and the problem each becomes.

use std::time::Duration;

use postrider_domain::ConnectorId;
use postrider_gmail::{GmailError, TokenError};
use postrider_web::Problem;
use serde_json::json;

use crate::rules::settings::Fault;
use crate::vault::SealError;

/// When to come back after a dependency was down.
const SOON: Duration = Duration::from_secs(5);

/// An action that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such connector")]
    NotFound,
    #[error("no OAuth client is configured")]
    NotConfigured,
    #[error("Google refuses the OAuth client: {0}")]
    ClientRefused(String),
    #[error("the grant lacks {0:?}")]
    ScopeMissing(Vec<&'static str>),
    #[error("the state is unknown, used, expired or somebody else's")]
    StateInvalid,
    #[error("Google refused the authorisation code")]
    CodeInvalid,
    #[error("Google refused the refresh token")]
    RefreshTokenInvalid,
    #[error("Google gave no refresh token")]
    RefreshTokenMissing,
    /// `invalid_grant` for a stored refresh token; never leaves the service, see [`Error::ReauthRequired`].
    #[error("the grant is dead")]
    GrantDead,
    #[error("the user said no")]
    AccessDenied(String),
    #[error("a new consent is needed")]
    ReauthRequired,
    #[error("the connector is paused")]
    Paused,
    #[error("the connector is disconnected")]
    Disconnected,
    #[error("several accounts are meant")]
    Ambiguous(Vec<(ConnectorId, String)>),
    #[error("no account is connected")]
    NoAccount,
    #[error("no topic is configured")]
    NoTopic,
    #[error("the account is watched on another topic")]
    TopicTaken,
    #[error("the link is unknown, used, taken back or expired")]
    LinkInvalid,
    #[error("another account was chosen than the link is for")]
    OtherAccount,
    #[error("the user has as many links as there may be")]
    TooManyLinks,
    #[error("the connector needs no new consent")]
    ReauthNotRequired,
    #[error("members are out of their limits")]
    Invalid(Vec<(String, String)>),
    #[error("Google refuses: {0}")]
    GoogleRefused(String),
    #[error("Google cannot be reached: {reason}")]
    GoogleUnavailable { reason: String, retry_after: Duration },
    #[error("another call is at the same thing")]
    Busy,
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Store(#[from] postrider_storage::Error),
}

impl Error {
    /// Settings out of their limits.
    pub fn from_faults(faults: Vec<Fault>) -> Self {
        Self::Invalid(faults.into_iter().map(|(name, why)| (name.to_owned(), why.to_owned())).collect())
    }

    /// As [`Error::from_faults`], for a body that holds settings as members of its own.
    pub fn from_bare_faults(faults: Vec<Fault>) -> Self {
        let bare = |name: &'static str| name.strip_prefix("settings.").unwrap_or(name);
        Self::from_faults(faults.into_iter().map(|(name, why)| (bare(name), why)).collect())
    }

    /// One member out of its limits.
    pub fn invalid(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid(vec![(name.into(), why.into())])
    }

    /// Google is down, slow, or limits us.
    pub fn google_unavailable(reason: impl Into<String>) -> Self {
        Self::GoogleUnavailable { reason: reason.into(), retry_after: SOON }
    }

    /// Google understood and says no.
    pub fn google_refused(reason: impl Into<String>) -> Self {
        Self::GoogleRefused(reason.into())
    }

    /// A failed call to Gmail.
    pub fn from_gmail(error: GmailError) -> Self {
        match error {
            GmailError::Token(TokenError::ReauthRequired) | GmailError::Auth => Self::ReauthRequired,
            GmailError::Token(TokenError::Disconnected) => Self::Disconnected,
            GmailError::Token(TokenError::Paused) => Self::Paused,
            GmailError::ScopeMissing => Self::ScopeMissing(crate::rules::scopes::REQUIRED.to_vec()),
            error if error.is_transient() => Self::google_unavailable(error.to_string()),
            error => Self::GoogleRefused(error.to_string()),
        }
    }

    /// Whether the same action may succeed later without anybody's doing.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::GoogleUnavailable { .. } | Self::Busy => true,
            Self::Store(error) => error.is_transient(),
            _ => false,
        }
    }

    /// The stable code of its problem; also the word in rows and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => postrider_web::codes::NOT_FOUND,
            Self::NotConfigured | Self::ClientRefused(_) => "google_not_configured",
            Self::ScopeMissing(_) => "scope_missing",
            Self::StateInvalid => "state_invalid",
            Self::CodeInvalid => "auth_code_invalid",
            Self::RefreshTokenInvalid => "refresh_token_invalid",
            Self::RefreshTokenMissing => "refresh_token_missing",
            Self::AccessDenied(_) => "access_denied",
            Self::ReauthRequired | Self::GrantDead => "reauth_required",
            Self::Paused => "connector_paused",
            Self::Disconnected => "connector_disconnected",
            Self::Ambiguous(_) => "account_ambiguous",
            Self::NoAccount => "account_missing",
            Self::NoTopic => "topic_missing",
            Self::TopicTaken => "topic_taken",
            Self::LinkInvalid => "link_invalid",
            Self::OtherAccount => "account_mismatch",
            Self::TooManyLinks => "connect_links_full",
            Self::ReauthNotRequired => "reauth_not_required",
            Self::Invalid(_) => postrider_web::codes::INVALID_REQUEST,
            Self::GoogleRefused(_) => "google_refused",
            Self::GoogleUnavailable { .. } => "google_unavailable",
            Self::Busy => "busy",
            Self::Store(error) if error.is_transient() => postrider_web::codes::DATABASE_UNAVAILABLE,
            Self::Seal(_) | Self::Store(_) => postrider_web::codes::INTERNAL_ERROR,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = error.code();
        let conflict = |detail: &str| Problem::conflict(code, detail);
        let unprocessable = |detail: &str| Problem::unprocessable(code, detail);
        match error {
            Error::NotFound => Problem::not_found(),
            Error::NotConfigured => {
                Problem::unavailable(code, Duration::from_secs(60), "This installation has no Google OAuth client.")
            }
            Error::ClientRefused(reason) => {
                tracing::error!(%reason, "Google refuses this installation's OAuth client");
                let detail = "Google refuses this installation's OAuth client; its operator must correct it.";
                Problem::unavailable(code, Duration::from_secs(60), detail)
            }
            Error::ScopeMissing(missing) => missing.iter().fold(
                unprocessable("Access to the mailbox was not granted. Connect again and leave every box ticked."),
                |problem, scope| problem.field("scope", format!("{scope} is missing")),
            ).with("missing_scopes", json!(missing)),
            Error::StateInvalid => {
                unprocessable("The state is unknown, was used or has expired. Begin again.").field("state", "is not valid")
            }
            Error::CodeInvalid => unprocessable("Google refuses the authorisation code: it was used, has expired, or belongs to another client or redirect URI.")
                .field("auth_code", "is refused by Google"),
            Error::RefreshTokenInvalid => {
                unprocessable("Google refuses the refresh token.").field("refresh_token", "is refused by Google")
            }
            Error::RefreshTokenMissing => unprocessable(
                "Google gave no refresh token. Ask for access_type=offline and prompt=consent, as /gmail/auth/url does.",
            ),
            Error::AccessDenied(_) => Problem::forbidden().with_code(code).with_detail("Access was not granted."),
            Error::ReauthRequired | Error::GrantDead => conflict("The account must be connected again: its grant is no longer valid."),
            Error::Paused => conflict("The connector is paused."),
            Error::Disconnected => conflict("The connector is disconnected."),
            Error::Ambiguous(accounts) => {
                let accounts: Vec<_> = accounts
                    .into_iter()
                    .map(|(id, address)| json!({"connector_id": id, "email_address": address}))
                    .collect();
                conflict("Several accounts are connected: name one as connector_id.").with("accounts", accounts)
            }
            Error::NoAccount => conflict("No account is connected."),
            Error::NoTopic => conflict("No Pub/Sub topic is configured."),
            Error::TopicTaken => conflict(
                "Another connector has this account watched on another topic, and Google allows one. Use that topic, or \
                 have the other watch stopped first.",
            ),
            Error::LinkInvalid => Problem::not_found().with_code(code).with_detail(
                "The link does not work: it is unknown, was used or taken back, or has expired. Ask for a new one.",
            ),
            Error::OtherAccount => unprocessable(
                "Another Google account was chosen than the link is for. Nothing was connected, and the access that was \
                 given is given back. Open the link again and choose its account.",
            ),
            Error::TooManyLinks => conflict("The user has 20 links that can still be used: take one back first."),
            Error::ReauthNotRequired => conflict("The connector needs no new consent."),
            Error::Invalid(faults) => faults
                .into_iter()
                .fold(unprocessable("The request is not valid."), |problem, (name, why)| problem.field(name, why)),
            Error::GoogleRefused(reason) => conflict("Google refuses this for the account.").with("reason", reason),
            Error::GoogleUnavailable { reason, retry_after } => {
                tracing::warn!(%reason, "Google cannot be reached");
                Problem::unavailable(code, retry_after, "Google cannot be reached at the moment.")
            }
            Error::Busy => Problem::unavailable(code, Duration::from_secs(1), "Another call is at the same thing."),
            Error::Seal(error) => Problem::unexpected(error),
            Error::Store(error) => error.into(),
        }
    }
}
