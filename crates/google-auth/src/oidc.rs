//! Tokens signed by Google: those of pushes, and the id_tokens of consents. One cache of Google's keys serves both.

mod cache_control;
#[cfg(test)]
pub(crate) mod forge;
mod id_token;
mod jwks;
mod jwt;
mod keys;
mod push;

pub use id_token::{IdTokenClaims, IdTokens};
pub use jwks::{Jwks, KeyError};
pub use jwt::TokenRefusal;
pub use push::{PushRefusal, PushRules, PushVerifier};
