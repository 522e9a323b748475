//! Verification of the tokens Pub/Sub puts on pushes: signature, issuer, times, audience and the account that sends.

use std::sync::Arc;

use chrono::DateTime;
use moka::sync::Cache;
use postrider_domain::{Clock, EmailAddress, Timestamp};
use postrider_http::bearer;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Jwks;
use super::jwt::{Registered, SKEW, TokenRefusal, signed_claims};

/// Verified tokens that are remembered. One subscription uses a handful at a time.
const REMEMBERED: u64 = 4_096;

/// What a push token must say.
#[derive(Debug, Clone)]
pub struct PushRules {
    /// `PUBSUB_AUDIENCE`, compared exactly.
    pub audience: String,
    /// `PUBSUB_SERVICE_ACCOUNT`. Unset: every push is refused.
    pub service_account: Option<EmailAddress>,
    /// `GOOGLE_ISSUER`, `https://accounts.google.com` unless a stand-in is used.
    pub issuer: String,
}

/// Why a push is not accepted. All but [`Self::is_temporary`] ones are answered 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushRefusal {
    #[error("no service account is configured: set PUBSUB_SERVICE_ACCOUNT")]
    NotConfigured,
    #[error("no bearer token")]
    NoToken,
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    #[error("the token is another account's")]
    ServiceAccount,
    #[error("the token's e-mail address is not verified")]
    Unverified,
}

impl PushRefusal {
    /// Whether the push itself may be good: answered 503, so that Pub/Sub sends it again.
    pub fn is_temporary(self) -> bool {
        self == Self::Token(TokenRefusal::KeysUnavailable)
    }

    /// A stable word for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::NoToken => "no_token",
            Self::Token(TokenRefusal::Malformed) => "malformed",
            Self::Token(TokenRefusal::Algorithm) => "algorithm",
            Self::Token(TokenRefusal::UnknownKey) => "unknown_key",
            Self::Token(TokenRefusal::Signature) => "signature",
            Self::Token(TokenRefusal::Issuer) => "issuer",
            Self::Token(TokenRefusal::Audience) => "audience",
            Self::Token(TokenRefusal::Expired) => "expired",
            Self::Token(TokenRefusal::NotYet) => "not_yet",
            Self::Token(TokenRefusal::KeysUnavailable) => "keys_unavailable",
            Self::ServiceAccount => "service_account",
            Self::Unverified => "unverified",
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    #[serde(flatten)]
    registered: Registered,
    #[serde(default)]
    email: String,
    #[serde(default)]
    email_verified: bool,
}

/// Verifies push tokens. Pub/Sub repeats one token for up to an hour, so a token found good is remembered, by its
/// hash, until it expires: the signature is checked once, not for each push.
#[derive(Debug)]
pub struct PushVerifier {
    jwks: Jwks,
    rules: PushRules,
    clock: Arc<dyn Clock>,
    verified: Cache<[u8; 32], Timestamp>,
}

impl PushVerifier {
    pub fn new(jwks: Jwks, rules: PushRules, clock: Arc<dyn Clock>) -> Self {
        Self { jwks, rules, clock, verified: Cache::new(REMEMBERED) }
    }

    /// Checks the value of a push's `Authorization` header.
    pub async fn verify(&self, authorization: Option<&str>) -> Result<(), PushRefusal> {
        let account = self.rules.service_account.as_ref().ok_or(PushRefusal::NotConfigured)?;
        let token = authorization.and_then(bearer).ok_or(PushRefusal::NoToken)?;
        let hash: [u8; 32] = Sha256::digest(token).into();
        match self.verified.get(&hash) {
            Some(until) if until > self.clock.now() => return Ok(()),
            Some(_expired) => self.verified.invalidate(&hash),
            None => {}
        }
        let claims: Claims = signed_claims(&self.jwks, token).await?;
        claims.registered.check(&self.rules.issuer, &self.rules.audience, self.clock.now())?;
        if !claims.email.eq_ignore_ascii_case(account.as_str()) {
            return Err(PushRefusal::ServiceAccount);
        }
        if !claims.email_verified {
            return Err(PushRefusal::Unverified);
        }
        if let Some(expires) = DateTime::from_timestamp(claims.registered.exp, 0) {
            self.verified.insert(hash, expires + SKEW);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "push_tests.rs"]
mod tests;
