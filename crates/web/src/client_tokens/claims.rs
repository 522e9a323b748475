//! What a client's token says.

use postrider_domain::{TenantId, Timestamp, UserId};
use serde::Deserialize;

use crate::codes;
use crate::problem::Problem;
use crate::scope::Scopes;

/// A verified client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    pub tenant: TenantId,
    pub user: UserId,
    pub scopes: Scopes,
    pub expires_at: Timestamp,
}

/// Why a token does not count. Never contains the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// The token itself is wrong; the reason is for our log.
    #[error("the token is refused: {0}")]
    Invalid(&'static str),
    /// The keys cannot be had now, so nothing can be said about the token.
    #[error("the keys to check tokens with cannot be fetched")]
    KeysUnavailable,
}

/// To the client every wrong token looks the same.
impl From<TokenRefused> for Problem {
    fn from(refused: TokenRefused) -> Self {
        match refused {
            TokenRefused::Invalid(reason) => {
                tracing::info!(reason, "a client token was refused");
                Self::unauthorized()
            }
            TokenRefused::KeysUnavailable => {
                let after = std::time::Duration::from_secs(5);
                Self::unavailable(codes::UNAVAILABLE, after, "Tokens cannot be checked at the moment.")
            }
        }
    }
}

/// The JWT's payload; members we do not know are none of our business.
#[derive(Debug, Deserialize)]
pub(super) struct Payload {
    pub sub: UserId,
    pub tenant_id: TenantId,
    pub exp: i64,
    #[serde(default)]
    pub nbf: Option<i64>,
    #[serde(default)]
    pub scope: Option<Scopes>,
}
