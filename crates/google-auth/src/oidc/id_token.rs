//! The id_token of a consent: who consented, by Google's signature.

use std::sync::Arc;

use postrider_domain::{Clock, EmailAddress, GoogleSub};
use serde::Deserialize;

use super::Jwks;
use super::jwt::{Registered, TokenRefusal, signed_claims};

/// Who consented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenClaims {
    /// Google's stable id of the account: the identity of a connector.
    pub sub: GoogleSub,
    /// The address at that moment; an attribute.
    pub email: Option<EmailAddress>,
    pub email_verified: bool,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(flatten)]
    registered: Registered,
    sub: GoogleSub,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: serde_json::Value,
}

/// Reads id_tokens of one OAuth client.
#[derive(Debug, Clone)]
pub struct IdTokens {
    jwks: Jwks,
    issuer: String,
    client_id: String,
    clock: Arc<dyn Clock>,
}

impl IdTokens {
    /// `issuer` is `GOOGLE_ISSUER`; the audience is the OAuth client.
    pub fn new(jwks: Jwks, issuer: String, client_id: String, clock: Arc<dyn Clock>) -> Self {
        Self { jwks, issuer, client_id, clock }
    }

    /// The claims of a token that is Google's, meant for this client, and current.
    pub async fn verify(&self, token: &str) -> Result<IdTokenClaims, TokenRefusal> {
        let claims: Claims = signed_claims(&self.jwks, token).await?;
        claims.registered.check(&self.issuer, &self.client_id, self.clock.now())?;
        let email_verified =
            claims.email_verified == serde_json::Value::Bool(true) || claims.email_verified.as_str() == Some("true");
        let email = claims.email.and_then(|text| EmailAddress::parse(&text).ok());
        Ok(IdTokenClaims { sub: claims.sub, email, email_verified })
    }
}
