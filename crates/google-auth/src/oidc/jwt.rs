//! What push tokens and id_tokens have in common: RS256, a key of Google's, an issuer, an audience, a time.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
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

/// The claims of a token whose bearer is beyond doubt; the signature is not looked at.
pub(super) fn unsigned_claims<T: DeserializeOwned>(token: &str) -> Result<T, TokenRefusal> {
    let mut parts = token.split('.');
    let (Some(_header), Some(payload), Some(_signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenRefusal::Malformed);
    };
    if token.len() > LONGEST {
        return Err(TokenRefusal::Malformed);
    }
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).map_err(|_malformed| TokenRefusal::Malformed)?;
    serde_json::from_slice(&payload).map_err(|_unreadable| TokenRefusal::Malformed)
}

impl Registered {
    /// Checks issuer, audience and times.
    pub(super) fn check(&self, issuer: &str, audience: &str, now: Timestamp) -> Result<(), TokenRefusal> {
        self.check_parties(issuer, audience)?;
        self.check_end(now)?;
        if self.iat.saturating_sub(SKEW.num_seconds()) > now.timestamp() {
            return Err(TokenRefusal::NotYet);
        }
        Ok(())
    }

    /// Checks issuer (with or without its scheme) and audience (exactly).
    pub(super) fn check_parties(&self, issuer: &str, audience: &str) -> Result<(), TokenRefusal> {
        let bare = |text: &str| text.trim_start_matches("https://").trim_start_matches("http://").to_owned();
        let named = self.iss == issuer || self.iss == bare(issuer);
        if !named || issuer.is_empty() {
            return Err(TokenRefusal::Issuer);
        }
        if self.aud != audience || audience.is_empty() {
            return Err(TokenRefusal::Audience);
        }
        Ok(())
    }

    /// Checks that the token has not expired.
    pub(super) fn check_end(&self, now: Timestamp) -> Result<(), TokenRefusal> {
        if self.exp.saturating_add(SKEW.num_seconds()) <= now.timestamp() {
            return Err(TokenRefusal::Expired);
        }
        Ok(())
    }
}
