//! Client tokens of a local stack (`JWT_SECRET`, HS256). Real installations issue their own.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jsonwebtoken::{EncodingKey, Header, encode};
use postrider_domain::{Clock, Secret, SystemClock};
use serde::Serialize;

/// How long tokens that are printed are valid.
pub const DAY: Duration = Duration::from_secs(86_400);

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    tenant_id: &'a str,
    scope: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

/// A token for a user, made with the gateway's own settings (`JWT_SECRET`, `JWT_ISSUER`, `JWT_AUDIENCE`).
///
/// # Errors
/// There is no `JWT_SECRET`.
pub fn issue(gateway: &BTreeMap<String, String>, tenant: &str, user: &str, valid: Duration) -> Result<Secret> {
    let secret = gateway.get("JWT_SECRET").context(
        "there is no JWT_SECRET: this stack checks tokens by JWT_JWKS_URL, and only their issuer can make them",
    )?;
    let now = SystemClock.now().timestamp();
    let claims = Claims {
        sub: user,
        tenant_id: tenant,
        scope: "read write",
        iat: now,
        exp: now.saturating_add(i64::try_from(valid.as_secs()).unwrap_or(i64::MAX)),
        iss: gateway.get("JWT_ISSUER").map(String::as_str),
        aud: gateway.get("JWT_AUDIENCE").map(String::as_str),
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::default(), &claims, &key).map(Secret::new).context("cannot sign a token")
}
