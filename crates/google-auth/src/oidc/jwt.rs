//! What push tokens and id_tokens have in common: RS256, a key of Google's, an issuer, an audience, a time.

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use postrider_domain::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Jwks, KeyError};

/// Clocks may differ by this much.
pub(super) const SKEW: TimeDelta = TimeDelta::seconds(60);
/// Google's tokens have about 1.5 KB.
const LONGEST: usize = 16 * 1024;

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error("the token is not a JWT")]
    Malformed,
    #[error("the token is not signed with RS256")]
    Algorithm,
    #[error("the token names no key of Google's")]
    UnknownKey,
    #[error("the signature is wrong")]
    Signature,
    #[error("the issuer is wrong")]
    Issuer,
    #[error("the audience is wrong")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token was issued in the future")]
    NotYet,
    /// Not the token's fault: try again later.
    #[error("Google's keys cannot be fetched")]
    KeysUnavailable,
}

/// The claims every token must have. `aud` is a single text: Google never sends a list, and a list would let a token
/// for several services pass.
#[derive(Debug, Deserialize)]
pub(super) struct Registered {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) exp: i64,
    pub(super) iat: i64,
}

/// The claims of a token whose signature is Google's. Nothing else about them is checked yet.
pub(super) async fn signed_claims<T: DeserializeOwned>(jwks: &Jwks, token: &str) -> Result<T, TokenRefusal> {
    if token.len() > LONGEST {
        return Err(TokenRefusal::Malformed);
    }
    // `none` is not an algorithm this library knows: it does not get past this line.
    let header = decode_header(token).map_err(|_malformed| TokenRefusal::Malformed)?;
    if header.alg != Algorithm::RS256 {
        return Err(TokenRefusal::Algorithm);
    }
    let kid = header.kid.ok_or(TokenRefusal::UnknownKey)?;
    let key = jwks.key(&kid).await.map_err(|error| match error {
        KeyError::Unknown => TokenRefusal::UnknownKey,
        KeyError::Unreachable => TokenRefusal::KeysUnavailable,
    })?;
    if key.algorithm != Algorithm::RS256 {
        return Err(TokenRefusal::UnknownKey);
    }
    // Times, issuer and audience are checked by us, by our clock.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    match decode::<T>(token, &key.decoding, &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) if matches!(error.kind(), jsonwebtoken::errors::ErrorKind::InvalidSignature) => {
            Err(TokenRefusal::Signature)
        }
        Err(_unreadable) => Err(TokenRefusal::Malformed),
    }
}

impl Registered {
    /// Checks issuer (with or without its scheme), audience (exactly) and times.
    pub(super) fn check(&self, issuer: &str, audience: &str, now: Timestamp) -> Result<(), TokenRefusal> {
        let bare = |text: &str| text.trim_start_matches("https://").trim_start_matches("http://").to_owned();
        let named = self.iss == issuer || self.iss == bare(issuer);
        if !named || issuer.is_empty() {
            return Err(TokenRefusal::Issuer);
        }
        if self.aud != audience || audience.is_empty() {
            return Err(TokenRefusal::Audience);
        }
        let (now, skew) = (now.timestamp(), SKEW.num_seconds());
        if self.exp.saturating_add(skew) <= now {
            return Err(TokenRefusal::Expired);
        }
        if self.iat.saturating_sub(skew) > now {
            return Err(TokenRefusal::NotYet);
        }
        Ok(())
    }
}
