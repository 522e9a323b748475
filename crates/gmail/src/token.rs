//! Where the client gets its access tokens from. Only `connector` can make one; this crate never sees a refresh token
//! outside [`crate::oauth`].

use async_trait::async_trait;
use postrider_domain::{Secret, Timestamp};

/// A short-lived access token of one account.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub secret: Secret,
    pub expires_at: Timestamp,
    /// Grows with each refresh of the account's credentials.
    pub version: i64,
}

/// Why no token can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The grant is gone: only a new consent of the user helps.
    #[error("the account's grant is no longer valid")]
    ReauthRequired,
    /// The connector was disconnected; its work ends.
    #[error("the connector is disconnected")]
    Disconnected,
    /// The connector is paused; its work waits.
    #[error("the connector is paused")]
    Paused,
    /// No answer, or a temporary one. Try again later.
    #[error("no token could be had at the moment")]
    Unavailable,
}

/// Gives access tokens for one account and remembers them while they last.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that still lasts for a call. With `newer_than`, one of a higher version: Gmail refused that version.
    async fn token(&self, newer_than: Option<i64>) -> Result<AccessToken, TokenError>;
}
