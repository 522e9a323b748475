//! Settings: `INGEST_ADDR`, `INGEST_ADMIN_ADDR`, `AMQP_URL`, `APP_PUBLIC_URL`, `PUBSUB_SERVICE_ACCOUNT`,
//! `PUBSUB_AUDIENCE`, `PUBSUB_SUBSCRIPTION`, `GOOGLE_JWKS_URL`, `GOOGLE_ISSUER`.
//!
//! `INGEST_DATABASE_URL` is read by `migrate` only: what this service serves today needs no database.

use domain::EmailAddress;
use google::oidc::PushRules;
use runtime::config::{Amqp, Listen, PublicUrl, all};
use runtime::{ConfigErrors, Env};
use url::Url;

use crate::http::PUSH_PATH;

/// All this service reads.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: Listen,
    pub amqp: Amqp,
    /// Where Google's keys are.
    pub jwks_url: Url,
    /// What a push token must say.
    pub rules: PushRules,
    /// The only subscription whose pushes count; any, where none is named.
    pub subscription: Option<String>,
}

impl Config {
    /// # Errors
    /// Every setting that is missing or malformed.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let (listen, amqp, public, jwks_url, issuer, service_account) = all((
            Listen::load(env, "ingest-webhook"),
            Amqp::load(env),
            PublicUrl::load(env),
            env.parse("GOOGLE_JWKS_URL"),
            env.required("GOOGLE_ISSUER"),
            env.parse_optional::<EmailAddress>("PUBSUB_SERVICE_ACCOUNT"),
        ))?;
        let audience = env.optional("PUBSUB_AUDIENCE").unwrap_or_else(|| format!("{}{PUSH_PATH}", public.origin()));
        let rules = PushRules { audience, service_account, issuer };
        Ok(Self { listen, amqp, jwks_url, rules, subscription: env.optional("PUBSUB_SUBSCRIPTION") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audience_is_the_public_route_unless_it_is_set() {
        let base = [("AMQP_URL", "amqp://localhost"), ("APP_PUBLIC_URL", "https://mail.example.com")];
        let config = Config::load(&Env::from_pairs(base)).unwrap();
        assert_eq!(config.rules.audience, "https://mail.example.com/api/email/webhook/google/pubsub");
        assert_eq!(config.rules.service_account, None);
        let set = base.into_iter().chain([("PUBSUB_AUDIENCE", "mine")]);
        assert_eq!(Config::load(&Env::from_pairs(set)).unwrap().rules.audience, "mine");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let env = Env::from_pairs([("PUBSUB_SERVICE_ACCOUNT", "nobody"), ("GOOGLE_JWKS_URL", "no url")]);
        let errors = Config::load(&env).unwrap_err().to_string();
        for name in ["AMQP_URL", "PUBSUB_SERVICE_ACCOUNT", "GOOGLE_JWKS_URL"] {
            assert!(errors.contains(name), "{name}: {errors}");
        }
    }
}
