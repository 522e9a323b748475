//! Issuing and verifying.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use postrider_domain::{Clock, Secret};

use super::claims::{Claims, Payload, TokenError, Verified};
use super::keys::InternalKeys;

/// How long a token holds.
pub const LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// How far two machines' clocks may differ: as far as a token lives, so that what is known of an old token is still
/// worth little. Beyond it the error says what to do.
pub const SKEW: TimeDelta = LIFETIME;
/// Far above any token of ours.
const LONGEST: usize = 4_096;

/// The tokens of one service: it issues them to those it calls and verifies those of its callers. Clones share it.
#[derive(Clone)]
pub struct InternalTokens(Arc<Inner>);

struct Inner {
    keys: InternalKeys,
    name: String,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for InternalTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InternalTokens({}, {:?})", self.0.name, self.0.keys)
    }
}

impl InternalTokens {
    /// The tokens of the service of that name (`sync-worker`).
    pub fn new(keys: InternalKeys, name: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { keys, name: name.into(), clock }))
    }

    /// The service whose tokens these are.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A token for a call to the named service.
    ///
    /// # Errors
    /// `INTERNAL_KEYS` has no key for the pair.
    pub fn issue(&self, callee: &str, claims: Claims) -> Result<Secret, TokenError> {
        let Inner { keys, name, clock } = self.0.as_ref();
        let no_key = || TokenError::NoKey { caller: name.clone(), callee: callee.to_owned() };
        let key = keys.of(name, callee).first().ok_or_else(no_key)?;
        let now = clock.now();
        let payload = Payload {
            iss: name.clone(),
            aud: callee.to_owned(),
            tenant: claims.tenant,
            user: claims.user,
            scope: claims.scopes,
            request_id: claims.request_id,
            iat: now.timestamp(),
            exp: (now + LIFETIME).timestamp(),
        };
        let header = Header { kid: Some(name.clone()), ..Header::new(Algorithm::HS256) };
        encode(&header, &payload, &EncodingKey::from_secret(key)).map(Secret::new).map_err(|_| TokenError::Malformed)
    }

    /// Checks a token of a caller.
    ///
    /// # Errors
    /// Anything but a token that one of our callers signed for us in the last minute, give or take [`SKEW`].
    pub fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        let Inner { keys, name, clock } = self.0.as_ref();
        if token.len() > LONGEST {
            return Err(TokenError::Malformed);
        }
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        let caller = header.kid.filter(|_| header.alg == Algorithm::HS256).ok_or(TokenError::Malformed)?;
        let keys = keys.of(&caller, name);
        if keys.is_empty() {
            return Err(TokenError::NoKey { caller, callee: name.clone() });
        }
        let payload = keys.iter().find_map(|key| signed_by(token, key)).ok_or(TokenError::Signature)?;
        if payload.aud != *name || payload.iss != caller {
            return Err(TokenError::Audience);
        }
        let instant = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(TokenError::Time);
        let (now, issued_at, expires_at) = (clock.now(), instant(payload.iat)?, instant(payload.exp)?);
        if expires_at - issued_at > LIFETIME {
            return Err(TokenError::Time);
        }
        if issued_at > now + SKEW || expires_at < now - SKEW {
            let age = (now - issued_at).num_seconds();
            return Err(TokenError::Clocks { caller, callee: name.clone(), age });
        }
        let Payload { tenant, user, scope: scopes, request_id, .. } = payload;
        Ok(Verified { caller, claims: Claims { tenant, user, scopes, request_id }, expires_at })
    }
}

/// The payload if this key signed it. Times and audience are checked by the caller, with its own clock.
fn signed_by(token: &str, key: &[u8]) -> Option<Payload> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    decode::<Payload>(token, &DecodingKey::from_secret(key), &rules).ok().map(|data| data.claims)
}

#[cfg(test)]
#[path = "service/tests.rs"]
mod tests;
