//! What Google's token endpoint answers, and the random texts a consent needs.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use postrider_domain::{Entropy, Secret, Timestamp};

use super::Scopes;
use crate::oidc::IdTokenClaims;

/// The answer to a code.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Absent when Google thinks we still have one: keep the old.
    pub refresh_token: Option<Secret>,
    pub access_token: Secret,
    pub expires_at: Timestamp,
    /// What was really granted. Empty when the answer did not say.
    pub scopes: Scopes,
    /// Who consented; absent without the `openid` scope.
    pub id_token: Option<IdTokenClaims>,
}

/// The answer to a refresh token.
#[derive(Debug, Clone)]
pub struct Refreshed {
    pub access_token: Secret,
    pub expires_at: Timestamp,
    /// A new refresh token in place of the old, where Google rotates them.
    pub refresh_token: Option<Secret>,
    /// What is still granted, where the answer says.
    pub scopes: Option<Scopes>,
}

/// 32 random bytes as URL-safe text: a state, or a PKCE verifier (RFC 7636 §4.1 recommends just this).
pub fn random_token(entropy: &dyn Entropy) -> Secret {
    let mut bytes = [0_u8; 32];
    entropy.fill(&mut bytes);
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
