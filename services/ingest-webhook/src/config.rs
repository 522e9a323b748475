//! Settings: `INGEST_ADDR`, `INGEST_ADMIN_ADDR`, `AMQP_URL`, `APP_PUBLIC_URL`, `PUBSUB_SERVICE_ACCOUNT`,
//! `PUBSUB_AUDIENCE`, `PUBSUB_SUBSCRIPTION`, `PUBSUB_PULL_SUBSCRIPTION`, `PUBSUB_CREDENTIALS`, `PUBSUB_API_URL`, `GOOGLE_JWKS_URL`, `GOOGLE_ISSUER`, `INTERNAL_KEYS`.
//!
//! Without `INTERNAL_KEYS` pushes are taken as ever; only the gateway's request ids are then not believed, as where this
//! service is exposed alone.
//!
//! `INGEST_DATABASE_URL`, and the key `ingest-webhook>connector` in `INTERNAL_KEYS` with `CONNECTOR_URL`, are for channels;
//! pushes need neither.

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::{EmailAddress, Secret};
use postrider_google_auth::oidc::PushRules;
use postrider_google_auth::pull::is_subscription;
use postrider_google_auth::service_account::{Identity, KeyFile, METADATA_URL};
use postrider_runtime::config::{Amqp, DatabaseUrl, Listen, PublicUrl, ServiceUrl, all};
use postrider_runtime::{ConfigErrors, Env};
use postrider_web::InternalKeys;
use postrider_web::body::BodyRules;
use url::Url;

use crate::http::{ALIASES, LONGEST, PUSH_PATH};
use crate::pull::HOLD;
use crate::store::SPEC;

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
    /// With the gateway's key, if it has been given.
    pub internal_keys: Option<InternalKeys>,
    /// What channels need; without it none are opened.
    pub channels: Option<ChannelSettings>,
    /// What is pulled, if anything is.
    pub pull: Option<PullSettings>,
    /// What a push's body may take. No setting: tests choose a shorter time.
    pub bodies: BodyRules,
}

/// What is pulled, by whom.
#[derive(Debug, Clone)]
pub struct PullSettings {
    pub subscription: String,
    pub identity: Identity,
    pub api: Url,
    /// How long messages are held for a broker that does not confirm. No setting: tests choose a shorter time.
    pub hold: Duration,
}

/// Where channels are kept and accounts are known.
#[derive(Debug, Clone)]
pub struct ChannelSettings {
    pub database: DatabaseUrl,
    pub connector: ServiceUrl,
    /// Where notices are sent.
    pub url: String,
}

impl Config {
    /// # Errors
    /// Every setting that is missing or malformed.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let (listen, amqp, public, jwks_url, issuer, service_account, internal_keys, channels, pull) = all((
            Listen::load(env, "ingest-webhook"),
            Amqp::load(env),
            PublicUrl::load(env),
            env.parse("GOOGLE_JWKS_URL"),
            env.required("GOOGLE_ISSUER"),
            env.parse_optional::<EmailAddress>("PUBSUB_SERVICE_ACCOUNT"),
            internal_keys(env),
            channels(env),
            pull(env),
        ))?;
        let audience = env.optional("PUBSUB_AUDIENCE").unwrap_or_else(|| format!("{}{PUSH_PATH}", public.origin()));
        let channels = channels.map(|(database, connector)| {
            let [_, watch] = ALIASES;
            ChannelSettings { database, connector, url: format!("{}{watch}", public.origin()) }
        });
        let rules = PushRules { audience, service_account, issuer };
        let subscription = env.optional("PUBSUB_SUBSCRIPTION");
        let bodies = BodyRules::up_to(LONGEST);
        Ok(Self { listen, amqp, jwks_url, rules, subscription, internal_keys, channels, pull, bodies })
    }
}

/// Who asks connector whose an account is: this service.
const TO_CONNECTOR: [(&str, &str); 2] = [("gateway", "ingest-webhook"), ("ingest-webhook", "connector")];

/// A key for connector says that channels are to be opened; then a database is needed too.
fn channels(env: &Env) -> Result<Option<(DatabaseUrl, ServiceUrl)>, ConfigErrors> {
    if env.optional_secret("INTERNAL_KEYS")?.is_none() || InternalKeys::load_pairs(env, &TO_CONNECTOR).is_err() {
        return Ok(None);
    }
    all((DatabaseUrl::load(env, SPEC.service), ServiceUrl::load(env, "connector"))).map(Some)
}

/// A subscription says that it is to be pulled; then somebody must pull it.
fn pull(env: &Env) -> Result<Option<PullSettings>, ConfigErrors> {
    const NAME: &str = "PUBSUB_PULL_SUBSCRIPTION";
    let Some(subscription) = env.optional(NAME) else { return Ok(None) };
    if !is_subscription(&subscription) {
        return Err(env.malformed(NAME, "it has not the form projects/<project>/subscriptions/<name>"));
    }
    let (identity, api) = all((credentials(env), env.parse("PUBSUB_API_URL")))?;
    Ok(Some(PullSettings { subscription, identity, api, hold: HOLD }))
}

fn credentials(env: &Env) -> Result<Identity, ConfigErrors> {
    const NAME: &str = "PUBSUB_CREDENTIALS";
    let named = env.required(NAME)?;
    if named == "metadata" {
        let server = METADATA_URL.parse().map_err(|error: url::ParseError| env.malformed(NAME, &error.to_string()))?;
        return Ok(Identity::Machine(server));
    }
    let text = std::fs::read_to_string(&named)
        .map_err(|error| env.malformed(NAME, &format!("the key file cannot be read ({error})")))?;
    let key = KeyFile::parse(&Secret::new(text)).map_err(|error| env.malformed(NAME, &error.to_string()))?;
    Ok(Identity::Key(Arc::new(key)))
}

fn internal_keys(env: &Env) -> Result<Option<InternalKeys>, ConfigErrors> {
    match env.optional_secret("INTERNAL_KEYS")? {
        Some(_) => InternalKeys::load_pairs(env, &[("gateway", "ingest-webhook")]).map(Some),
        None => Ok(None),
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

    #[test]
    fn internal_keys_may_be_absent_but_not_those_of_others_only() {
        let keys = |pair: &str| format!("{pair}:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
        let load =
            |text: &str| Config::load(&Env::from_pairs([("AMQP_URL", "amqp://localhost"), ("INTERNAL_KEYS", text)]));
        assert!(load("").unwrap().internal_keys.is_none());
        assert!(load(&keys("gateway>ingest-webhook")).unwrap().internal_keys.is_some());
        let error = load(&keys("gateway>connector")).unwrap_err().to_string();
        assert!(error.contains("gateway>ingest-webhook"), "{error}");
    }

    #[test]
    fn what_is_pulled_needs_somebody_who_pulls() {
        let load = |more: &[(&str, &str)]| {
            let base = [("AMQP_URL", "amqp://localhost")];
            Config::load(&Env::from_pairs(base.iter().chain(more).copied()))
        };
        let named = ("PUBSUB_PULL_SUBSCRIPTION", "projects/p/subscriptions/pull");
        assert!(load(&[]).unwrap().pull.is_none());
        let pull = load(&[named, ("PUBSUB_CREDENTIALS", "metadata")]).unwrap().pull.unwrap();
        assert!(matches!(pull.identity, Identity::Machine(_)));
        assert_eq!((pull.api.as_str(), pull.hold), ("https://pubsub.googleapis.com/", Duration::from_secs(60)));
        for (wrong, name) in [
            (vec![("PUBSUB_PULL_SUBSCRIPTION", "pull")], "PUBSUB_PULL_SUBSCRIPTION"),
            (vec![named], "PUBSUB_CREDENTIALS"),
            (vec![named, ("PUBSUB_CREDENTIALS", "/no/such/file.json")], "PUBSUB_CREDENTIALS"),
            // A file that is no key.
            (vec![named, ("PUBSUB_CREDENTIALS", "Cargo.toml")], "PUBSUB_CREDENTIALS"),
        ] {
            let error = load(&wrong).unwrap_err().to_string();
            assert!(error.contains(name), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn a_key_for_connector_opens_channels_and_needs_a_database() {
        let pair = |pair: &str| format!("{pair}:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
        let keys = [pair("gateway>ingest-webhook"), pair("ingest-webhook>connector")].join(",");
        let base = [("AMQP_URL", "amqp://localhost"), ("INTERNAL_KEYS", keys.as_str())];
        let error = Config::load(&Env::from_pairs(base)).unwrap_err().to_string();
        assert!(error.contains("INGEST_DATABASE_URL"), "{error}");
        let whole = base.into_iter().chain([("INGEST_DATABASE_URL", "postgres://ingest:x@localhost/postrider")]);
        let channels = Config::load(&Env::from_pairs(whole)).unwrap().channels.unwrap();
        assert!(channels.url.ends_with("/api/v1/gmail/watch/webhook"), "{}", channels.url);
    }
}
