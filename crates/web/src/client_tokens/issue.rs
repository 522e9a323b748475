//! Making tokens that clients may bear, where we hold the key.

use chrono::TimeDelta;
use jsonwebtoken::{EncodingKey, Header, encode};
use postrider_domain::{Secret, Timestamp};
use serde_json::{Map, Value, json};

use super::claims::{API_KEY, ClientIdentity};
use super::rules::{ClientTokenRules, Keys};

/// Why no token can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotIssued {
    #[error("tokens are signed by the provider whose keys JWT_JWKS_URL names, not here")]
    ByProvider,
    #[error("the token could not be written")]
    Unwritable,
}

/// Signs tokens by the same rules that [`super::ClientTokens`] verifies them by.
#[derive(Clone)]
pub struct TokenIssuer(ClientTokenRules);

impl std::fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenIssuer")
    }
}

impl TokenIssuer {
    pub fn new(rules: ClientTokenRules) -> Self {
        Self(rules)
    }

    /// A token that says of its bearer what the identity says, until `lifetime` from now.
    ///
    /// # Errors
    /// The keys are a provider's.
    pub fn issue(
        &self,
        identity: &ClientIdentity,
        now: Timestamp,
        lifetime: TimeDelta,
    ) -> Result<(Secret, Timestamp), NotIssued> {
        let Keys::Secret(secret) = &self.0.keys else { return Err(NotIssued::ByProvider) };
        let expires_at = identity.expires_at.min(now + lifetime);
        let names = &self.0.claims;
        let mut claims = Map::new();
        claims.insert(names.user.clone(), json!(identity.user.as_str()));
        claims.insert(names.tenant.clone(), json!(identity.tenant.as_str()));
        claims.insert(names.scope.clone(), json!(identity.scopes.to_string()));
        claims.insert("iat".to_owned(), json!(now.timestamp()));
        claims.insert("exp".to_owned(), json!(expires_at.timestamp()));
        for (name, value) in [("iss", &self.0.issuer), ("aud", &self.0.audience)] {
            if let Some(value) = value {
                claims.insert(name.to_owned(), json!(value));
            }
        }
        if let Some(key) = identity.api_key {
            claims.insert(API_KEY.to_owned(), json!(key));
        }
        let key = EncodingKey::from_secret(secret.expose().as_bytes());
        let token = encode(&Header::default(), &Value::Object(claims), &key).map_err(|_| NotIssued::Unwritable)?;
        Ok((Secret::new(token), expires_at))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use postrider_domain::{Clock as _, MockClock, TenantId, UserId};

    use super::*;
    use crate::client_tokens::{ClaimNames, ClientTokens, TokenRefused};
    use crate::scope::Scopes;

    fn rules(keys: Keys) -> ClientTokenRules {
        let claims = ClaimNames { tenant: "org.id".into(), ..ClaimNames::default() };
        let (issuer, audience) = (Some("https://a/".to_owned()), Some("mail".to_owned()));
        ClientTokenRules { keys, issuer, audience, claims }
    }

    #[tokio::test]
    async fn what_is_issued_is_verified_and_ends() {
        let clock = MockClock::default();
        let rules = rules(Keys::Secret(Secret::new("x".repeat(32))));
        let (issuer, verifier) = (TokenIssuer::new(rules.clone()), ClientTokens::new(rules, Arc::new(clock.clone())));
        let identity = ClientIdentity {
            tenant: TenantId::parse("acme").unwrap(),
            user: UserId::parse("ann").unwrap(),
            scopes: Scopes::parse("read"),
            expires_at: clock.now() + TimeDelta::minutes(10),
            api_key: Some(uuid::Uuid::from_u128(7)),
        };
        let (token, expires_at) = issuer.issue(&identity, clock.now(), TimeDelta::minutes(15)).unwrap();
        // It does not outlive what it was made for.
        assert_eq!(expires_at, identity.expires_at);
        let verified = verifier.verify(token.expose()).await.unwrap();
        assert_eq!(
            (&verified.tenant, &verified.user, &verified.scopes, verified.api_key),
            (&identity.tenant, &identity.user, &identity.scopes, identity.api_key)
        );
        clock.advance(TimeDelta::minutes(11));
        assert!(matches!(verifier.verify(token.expose()).await, Err(TokenRefused::Expired(_))));
    }

    #[test]
    fn a_providers_tokens_are_not_made_here() {
        let issuer = TokenIssuer::new(rules(Keys::Jwks("https://a/keys".parse().unwrap())));
        let (tenant, user) = (TenantId::parse("acme").unwrap(), UserId::parse("ann").unwrap());
        let now = MockClock::default().now();
        let identity = ClientIdentity { tenant, user, scopes: Scopes::read_write(), expires_at: now, api_key: None };
        assert_eq!(issuer.issue(&identity, now, TimeDelta::minutes(1)).unwrap_err(), NotIssued::ByProvider);
    }
}
