//! Client tokens of a local stack (`JWT_SECRET`, HS256). Real installations issue their own.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jsonwebtoken::{EncodingKey, Header, encode};
use postrider_domain::{Clock, Secret, SystemClock};
use serde_json::Map;

/// How long tokens that are printed are valid.
pub const DAY: Duration = Duration::from_secs(86_400);

/// A token for a user, made with the gateway's own settings (`JWT_SECRET`, `JWT_ISSUER`, `JWT_AUDIENCE` and the
/// names of claims).
///
/// # Errors
/// There is no `JWT_SECRET`.
pub fn issue(gateway: &BTreeMap<String, String>, tenant: &str, user: &str, valid: Duration) -> Result<Secret> {
    let secret = gateway.get("JWT_SECRET").context(
        "there is no JWT_SECRET: this stack checks tokens by JWT_JWKS_URL, and only their issuer can make them",
    )?;
    let now = SystemClock.now().timestamp();
    let mut claims = Map::new();
    let names = [("JWT_USER_CLAIM", "sub", user), ("JWT_TENANT_CLAIM", "tenant_id", tenant)];
    for (setting, usual, value) in names.into_iter().chain([("JWT_SCOPE_CLAIM", "scope", "read write")]) {
        claims.insert(gateway.get(setting).map_or(usual, String::as_str).to_owned(), value.into());
    }
    claims.insert("iat".to_owned(), now.into());
    claims.insert("exp".to_owned(), now.saturating_add(i64::try_from(valid.as_secs()).unwrap_or(i64::MAX)).into());
    for (setting, name) in [("JWT_ISSUER", "iss"), ("JWT_AUDIENCE", "aud")] {
        if let Some(value) = gateway.get(setting) {
            claims.insert(name.to_owned(), value.as_str().into());
        }
    }
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::default(), &claims, &key).map(Secret::new).context("cannot sign a token")
}
