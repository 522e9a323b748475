//! The id_token of a consent: who consented, as Google's token endpoint says.
//!
//! It came over our own TLS connection to that endpoint, which vouches for it in place of the signature (OpenID Connect
//! Core §3.1.3.7, 6): the keys are not fetched, because a consent whose code is spent must not fail over them. A token
//! that came by any other way is nothing for this reader.

use std::sync::Arc;

use postrider_domain::{Clock, EmailAddress, GoogleSub};
use serde::Deserialize;

use super::jwt::{Registered, TokenRefusal, unsigned_claims};

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

/// Reads id_tokens of one OAuth client, straight from the token endpoint.
#[derive(Debug, Clone)]
pub struct IdTokens {
    issuer: String,
    client_id: String,
    clock: Arc<dyn Clock>,
}

impl IdTokens {
    /// `issuer` is `GOOGLE_ISSUER`; the audience is the OAuth client.
    pub fn new(issuer: String, client_id: String, clock: Arc<dyn Clock>) -> Self {
        Self { issuer, client_id, clock }
    }

    /// The claims of a token that names Google as its issuer, is meant for this client, and has not expired. One from our
    /// future only says that our clock is behind: it was made a moment ago.
    pub fn read(&self, token: &str) -> Result<IdTokenClaims, TokenRefusal> {
        let claims: Claims = unsigned_claims(token)?;
        claims.registered.check_parties(&self.issuer, &self.client_id)?;
        claims.registered.check_end(self.clock.now())?;
        let email_verified =
            claims.email_verified == serde_json::Value::Bool(true) || claims.email_verified.as_str() == Some("true");
        let email = claims.email.and_then(|text| EmailAddress::parse(&text).ok());
        Ok(IdTokenClaims { sub: claims.sub, email, email_verified })
    }
}
