//! Checking a client's token.

use std::sync::Arc;

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use postrider_domain::Clock;
use postrider_http::{Jwks, KeyError, Timeouts};

use super::claims::{ClientIdentity, Payload, Said, TokenRefused};
use super::rules::{ClaimNames, ClientTokenRules, Keys};
use crate::client::http_client;

/// How far the issuer's clock may differ from ours.
const SKEW: TimeDelta = TimeDelta::seconds(30);
/// Far above any token that fits into a header.
const LONGEST: usize = 8_192;

/// Verifies clients' tokens. Clones share the key cache.
#[derive(Clone)]
pub struct ClientTokens(Arc<Inner>);

struct Inner {
    source: Source,
    issuer: Option<String>,
    audience: Option<String>,
    claims: ClaimNames,
    clock: Arc<dyn Clock>,
}

enum Source {
    Secret(DecodingKey),
    Jwks(Jwks),
}

impl std::fmt::Debug for ClientTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTokens")
    }
}

impl ClientTokens {
    /// A verifier by these rules.
    pub fn new(rules: ClientTokenRules, clock: Arc<dyn Clock>) -> Self {
        let source = match rules.keys {
            Keys::Secret(secret) => Source::Secret(DecodingKey::from_secret(secret.expose().as_bytes())),
            Keys::Jwks(url) => Source::Jwks(Jwks::new(url, http_client(Timeouts::default()), clock.clone())),
        };
        let ClientTokenRules { issuer, audience, claims, .. } = rules;
        Self(Arc::new(Inner { source, issuer, audience, claims, clock }))
    }

    /// Who a token speaks for.
    ///
    /// # Errors
    /// The token is wrong in any way, or the keys cannot be fetched.
    pub async fn verify(&self, token: &str) -> Result<ClientIdentity, TokenRefused> {
        let inner = self.0.as_ref();
        if token.len() > LONGEST {
            return Err(TokenRefused::Invalid("it is too long"));
        }
        let header = decode_header(token).map_err(|_| TokenRefused::Invalid("it is not a JWT"))?;
        match &inner.source {
            Source::Secret(key) => inner.check(token, key, Algorithm::HS256),
            Source::Jwks(keys) => {
                let kid = header.kid.ok_or(TokenRefused::Invalid("it names no key"))?;
                let key = keys.key(&kid).await.map_err(|error| match error {
                    KeyError::Unknown => TokenRefused::Invalid("its key is not in the key set"),
                    KeyError::Unreachable => TokenRefused::KeysUnavailable,
                })?;
                inner.check(token, &key.decoding, key.algorithm)
            }
        }
    }
}

impl Inner {
    /// The algorithm comes from the key, never from the token.
    fn check(&self, token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<ClientIdentity, TokenRefused> {
        let mut rules = Validation::new(algorithm);
        // Times are checked below, by our own clock.
        rules.validate_exp = false;
        rules.required_spec_claims.clear();
        match &self.issuer {
            Some(issuer) => {
                rules.set_issuer(&[issuer]);
                rules.required_spec_claims.insert("iss".to_owned());
            }
            None => rules.iss = None,
        }
        match &self.audience {
            Some(audience) => {
                rules.set_audience(&[audience]);
                rules.required_spec_claims.insert("aud".to_owned());
            }
            None => rules.validate_aud = false,
        }
        let payload =
            decode::<Payload>(token, key, &rules).map_err(|error| TokenRefused::Invalid(reason(&error)))?.claims;
        let Said { identity, not_before } = Said::read(&payload, &self.claims).map_err(TokenRefused::Invalid)?;
        let now = self.clock.now();
        if not_before.is_some_and(|not_before| not_before > now + SKEW) {
            return Err(TokenRefused::Invalid("it is not valid yet"));
        }
        // Last, so that an expired token is one that nothing else is wrong with.
        if identity.expires_at <= now - SKEW {
            return Err(TokenRefused::Expired(Box::new(identity)));
        }
        Ok(identity)
    }
}

fn reason(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => "its signature does not hold",
        ErrorKind::InvalidIssuer => "it is of another issuer",
        ErrorKind::InvalidAudience => "it is for another audience",
        ErrorKind::InvalidAlgorithm => "its algorithm is another",
        ErrorKind::MissingRequiredClaim(_) => "it lacks iss or aud",
        ErrorKind::Json(_) => "its payload is no JSON object",
        _ => "it is malformed",
    }
}
