//! Client tokens of a local stack (`JWT_SECRET`, HS256). Real installations issue their own.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jsonwebtoken::{EncodingKey, Header, encode};
use postrider_domain::{Clock, Secret, SystemClock};
use postrider_runtime::Env;
use serde_json::Map;

/// How long tokens that are printed are valid.
pub const DAY: Duration = Duration::from_secs(86_400);

/// What a token is made by besides the secret; see `.env.example`.
const CLAIMS: [&str; 5] = ["JWT_ISSUER", "JWT_AUDIENCE", "JWT_USER_CLAIM", "JWT_TENANT_CLAIM", "JWT_SCOPE_CLAIM"];

/// A token for a user, valid for a day, made with an environment's settings; the secret may be in a file.
///
/// # Errors
/// There is no `JWT_SECRET`, or its file cannot be read.
pub fn issue_by(env: &Env, tenant: &str, user: &str) -> Result<Secret> {
    let mut settings = BTreeMap::new();
    if let Some(secret) = env.optional_secret("JWT_SECRET")? {
        settings.insert("JWT_SECRET".to_owned(), secret.expose().to_owned());
    }
    settings.extend(CLAIMS.iter().filter_map(|name| Some(((*name).to_owned(), env.optional(name)?))));
    issue(&settings, tenant, user, DAY)
}

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

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode};

    use super::*;

    #[test]
    fn a_token_is_made_by_the_settings_also_with_the_secret_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a secret of at least thirty-two bytes\n").unwrap();
        let path = file.path().to_str().unwrap();
        let env = Env::from_pairs([("JWT_SECRET_FILE", path), ("JWT_AUDIENCE", "mail"), ("JWT_USER_CLAIM", "uid")]);
        let token = issue_by(&env, "acme", "ada").unwrap();
        let mut rules = Validation::default();
        rules.set_audience(&["mail"]);
        let key = DecodingKey::from_secret(b"a secret of at least thirty-two bytes");
        let claims = decode::<serde_json::Value>(token.expose(), &key, &rules).unwrap().claims;
        assert_eq!((claims["uid"].as_str(), claims["tenant_id"].as_str()), (Some("ada"), Some("acme")));
        assert!(issue_by(&Env::from_pairs([("JWT_AUDIENCE", "mail")]), "acme", "ada").is_err());
    }
}
