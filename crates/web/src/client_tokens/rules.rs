//! Which client tokens count.

use postrider_domain::Secret;
use postrider_runtime::config::{ConfigErrors, Env, all};
use url::Url;

/// HS256 keys below this are weaker than the hash (RFC 7518 §3.2).
const SHORTEST_SECRET: usize = 32;

/// `JWT_SECRET` or `JWT_JWKS_URL`, `JWT_ISSUER`, `JWT_AUDIENCE`.
#[derive(Debug, Clone)]
pub struct ClientTokenRules {
    pub keys: Keys,
    /// If set, what `iss` must be.
    pub issuer: Option<String>,
    /// If set, what `aud` must name.
    pub audience: Option<String>,
}

/// How tokens are signed. One way only: a token cannot choose.
#[derive(Debug, Clone)]
pub enum Keys {
    /// HS256.
    Secret(Secret),
    /// RS256 or ES256 by public keys at this URL.
    Jwks(Url),
}

impl ClientTokenRules {
    /// Reads the settings.
    ///
    /// # Errors
    /// Neither or both ways to sign, or a secret below 32 bytes.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let (secret, jwks) = all((env.optional_secret("JWT_SECRET"), env.parse_optional::<Url>("JWT_JWKS_URL")))?;
        let keys = match (secret, jwks) {
            (Some(secret), None) if secret.expose().len() < SHORTEST_SECRET => {
                return Err(ConfigErrors::one(
                    "JWT_SECRET",
                    "is shorter than 32 bytes, so its tokens could be forged",
                    "Set it to at least 32 random bytes, e.g. from `openssl rand -base64 48`",
                ));
            }
            (Some(secret), None) => Keys::Secret(secret),
            (None, Some(url)) => Keys::Jwks(url),
            (None, None) => {
                return Err(ConfigErrors::one(
                    "JWT_SECRET",
                    "is not set, nor is JWT_JWKS_URL: no client could be told from another",
                    "Set one of them",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigErrors::one("JWT_SECRET", "and JWT_JWKS_URL are both set", "Keep one of them"));
            }
        };
        Ok(Self { keys, issuer: env.optional("JWT_ISSUER"), audience: env.optional("JWT_AUDIENCE") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<ClientTokenRules, String> {
        ClientTokenRules::load(&Env::from_pairs(pairs.iter().copied())).map_err(|errors| errors.to_string())
    }

    #[test]
    fn exactly_one_way_to_sign_is_needed() {
        let long = "x".repeat(32);
        assert!(matches!(load(&[("JWT_SECRET", &long)]).unwrap().keys, Keys::Secret(_)));
        assert!(matches!(load(&[("JWT_JWKS_URL", "https://a/b")]).unwrap().keys, Keys::Jwks(_)));
        assert!(load(&[]).unwrap_err().contains("Set one of them"));
        assert!(load(&[("JWT_SECRET", &long), ("JWT_JWKS_URL", "https://a/b")]).unwrap_err().contains("both"));
        let error = load(&[("JWT_SECRET", "short-secret")]).unwrap_err();
        assert!(error.contains("32 bytes") && !error.contains("short-secret"), "{error}");
    }
}
