//! Tokens of Google's: those of pushes, by their signature, and the id_tokens of consents, by the connection they came over.

#[cfg(test)]
pub(crate) mod forge;
mod id_token;
mod jwt;
mod push;

use std::sync::Arc;

use postrider_domain::Clock;
use postrider_http::SetupError;
use url::Url;

pub use id_token::{IdTokenClaims, IdTokens};
pub use jwt::TokenRefusal;
pub use postrider_http::{Jwks, KeyError};
pub use push::{PushRefusal, PushRules, PushVerifier};

/// The cache of Google's keys, from `GOOGLE_JWKS_URL`.
///
/// # Errors
/// TLS cannot be set up.
pub fn google_keys(url: Url, clock: Arc<dyn Clock>) -> Result<Jwks, SetupError> {
    Ok(Jwks::new(url, postrider_http::client::client()?, clock))
}
