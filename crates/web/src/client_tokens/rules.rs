//! Which client tokens count.

use postrider_domain::Secret;
use postrider_runtime::config::{ConfigErrors, Env, all};
use url::Url;

/// HS256 keys below this are weaker than the hash (RFC 7518 §3.2).
const SHORTEST_SECRET: usize = 32;

/// `JWT_SECRET` or `JWT_JWKS_URL`, `JWT_ISSUER`, `JWT_AUDIENCE`, `JWT_USER_CLAIM`, `JWT_TENANT_CLAIM`, `JWT_SCOPE_CLAIM`.
#[derive(Debug, Clone)]
pub struct ClientTokenRules {
    pub keys: Keys,
    /// If set, what `iss` must be.
    pub issuer: Option<String>,
    /// If set, what `aud` must name.
    pub audience: Option<String>,
    pub claims: ClaimNames,
}

/// Where a token says who its bearer is: issuers differ, and some reserve names for themselves. A dot leads into an
/// object (`realm_access.roles`), unless the whole name is a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    pub user: String,
    pub tenant: String,
    pub scope: String,
}

impl ClaimNames {
    /// # Errors
    /// A name is missing.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let name = |setting| env.required(setting);
        let (user, tenant, scope) = all((name("JWT_USER_CLAIM"), name("JWT_TENANT_CLAIM"), name("JWT_SCOPE_CLAIM")))?;
        Ok(Self { user, tenant, scope })
    }
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self { user: "sub".to_owned(), tenant: "tenant_id".to_owned(), scope: "scope".to_owned() }
    }
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
    /// Neither or both ways to sign, a secret below 32 bytes, or public keys without the issuer and the audience that
    /// make their tokens ours.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let (secret, jwks, claims) =
            all((env.optional_secret("JWT_SECRET"), env.parse_optional::<Url>("JWT_JWKS_URL"), ClaimNames::load(env)))?;
        let (issuer, audience) = (env.optional("JWT_ISSUER"), env.optional("JWT_AUDIENCE"));
        let keys = match (secret, jwks) {
            (Some(secret), None) if secret.expose().len() < SHORTEST_SECRET => {
                return Err(ConfigErrors::one(
                    "JWT_SECRET",
                    "is shorter than 32 bytes, so its tokens could be forged",
                    "Set it to at least 32 random bytes, e.g. from `openssl rand -base64 48`",
                ));
            }
            (Some(secret), None) => Keys::Secret(secret),
            (None, Some(url)) => {
                named("JWT_ISSUER", issuer.as_ref(), "the `iss` of your provider's tokens")?;
                named("JWT_AUDIENCE", audience.as_ref(), "the `aud` your provider gives tokens for this API")?;
                Keys::Jwks(url)
            }
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
        Ok(Self { keys, issuer, audience, claims })
    }
}

/// A provider signs the tokens of all its clients with the same keys: without these two each of them is a caller.
fn named(setting: &'static str, value: Option<&String>, what: &str) -> Result<(), ConfigErrors> {
    if value.is_some() {
        return Ok(());
    }
    let problem = "is not set, but JWT_JWKS_URL is: tokens the provider made for other applications would pass here";
    Err(ConfigErrors::one(setting, problem, format!("Set it to {what}")))
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
        let named = [("JWT_JWKS_URL", "https://a/b"), ("JWT_ISSUER", "https://a/"), ("JWT_AUDIENCE", "mail")];
        assert!(matches!(load(&named).unwrap().keys, Keys::Jwks(_)));
        assert!(load(&[]).unwrap_err().contains("Set one of them"));
        assert!(load(&[("JWT_SECRET", &long), ("JWT_JWKS_URL", "https://a/b")]).unwrap_err().contains("both"));
        let error = load(&[("JWT_SECRET", "short-secret")]).unwrap_err();
        assert!(error.contains("32 bytes") && !error.contains("short-secret"), "{error}");
    }

    #[test]
    fn public_keys_of_a_provider_need_its_name_and_ours() {
        let base = [("JWT_JWKS_URL", "https://a/b"), ("JWT_ISSUER", "https://a/"), ("JWT_AUDIENCE", "mail")];
        for (without, name) in [(1, "JWT_ISSUER"), (2, "JWT_AUDIENCE")] {
            let pairs: Vec<_> =
                base.iter().enumerate().filter(|(index, _)| *index != without).map(|(_, pair)| *pair).collect();
            let error = load(&pairs).unwrap_err();
            assert!(error.contains(name) && error.contains("Set it to the `"), "{error}");
        }
        assert!(load(&[("JWT_SECRET", &"x".repeat(32))]).unwrap().issuer.is_none());
    }

    #[test]
    fn claims_have_their_usual_names_unless_others_are_set() {
        let secret = "x".repeat(32);
        assert_eq!(load(&[("JWT_SECRET", &secret)]).unwrap().claims, ClaimNames::default());
        let set = [("JWT_SECRET", secret.as_str()), ("JWT_TENANT_CLAIM", "org.id"), ("JWT_SCOPE_CLAIM", "scp")];
        let claims = load(&set).unwrap().claims;
        assert_eq!((claims.user.as_str(), claims.tenant.as_str(), claims.scope.as_str()), ("sub", "org.id", "scp"));
    }
}
