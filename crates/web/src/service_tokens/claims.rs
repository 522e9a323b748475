//! What a token between services says.

use postrider_domain::{TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::scope::Scopes;

/// What the caller says in the name of whom it acts. Tenant and user are absent in calls of a service for itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    pub tenant: Option<TenantId>,
    pub user: Option<UserId>,
    pub scopes: Scopes,
    /// The id of the request that caused this call; empty outside requests.
    pub request_id: String,
}

/// A token that held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The calling service.
    pub caller: String,
    pub claims: Claims,
    pub expires_at: Timestamp,
}

/// Why a token was not issued or does not hold. Never contains the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("INTERNAL_KEYS has no key for {caller}>{callee}")]
    NoKey { caller: String, callee: String },
    #[error("the token is not a JWT of ours")]
    Malformed,
    #[error("the signature does not hold")]
    Signature,
    #[error("the token is for another service")]
    Audience,
    #[error("the token holds for longer than one of ours")]
    Time,
    /// The token is genuine, but by our clock it is none of the last minutes.
    #[error(
        "by the clock of {callee}, {caller} made the token {} s {}: the clocks of their machines differ, or the call \
         took that long. Synchronise both clocks (NTP)",
        age.abs(), if *age < 0 { "from now" } else { "ago" }
    )]
    Clocks {
        caller: String,
        callee: String,
        /// Seconds since it was made; negative for one from the future.
        age: i64,
    },
}

/// The JWT's payload.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    pub iss: String,
    pub aud: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    pub scope: Scopes,
    #[serde(default)]
    pub request_id: String,
    pub iat: i64,
    pub exp: i64,
}
