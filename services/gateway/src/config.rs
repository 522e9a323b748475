//! Settings: `GATEWAY_ADDR`, `GATEWAY_ADMIN_ADDR`, `APP_PUBLIC_URL`, `CONNECTOR_URL`, `SYNC_WORKER_URL`,
//! `NOTIFICATION_URL`, `INGEST_URL`, `SOCKETIO_URL`, `JWT_SECRET` or `JWT_JWKS_URL`, `JWT_ISSUER`, `JWT_AUDIENCE`,
//! `JWT_USER_CLAIM`, `JWT_TENANT_CLAIM`, `JWT_SCOPE_CLAIM`, `INTERNAL_KEYS`, `RATE_LIMIT_PER_MINUTE`,
//! `RATE_LIMIT_PER_ADDRESS`, `CORS_ALLOWED_ORIGINS`, `TRUSTED_PROXIES`, `SOCKETIO_SESSIONS_PER_ADDRESS`,
//! `SOCKETIO_TUNNELS`, `SOCKETIO_TUNNELS_PER_ADDRESS`, `SOCKETIO_DRAIN_SECONDS`, `STOP_DEADLINE_SECONDS`,
//! `GATEWAY_DATABASE_URL`.

use std::time::Duration;

use postrider_runtime::config::{DatabaseUrl, Listen, PublicUrl, ServiceUrl, all};
use postrider_runtime::lifecycle::DEFAULT_DEADLINE;
use postrider_runtime::{ConfigErrors, Env};
use postrider_web::client_tokens::ClientTokenRules;
use postrider_web::{InternalKeys, Origins};
use url::Url;

use crate::limits::Rates;
use crate::proxy::Bodies;
use crate::routes::Service;
use crate::rules::client_address::TrustedProxies;
use crate::tunnel::Most;

/// All this service reads.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: Listen,
    pub database: DatabaseUrl,
    pub public_url: PublicUrl,
    pub upstreams: Upstreams,
    /// The Socket.IO listeners, one or several.
    pub socketio: Vec<Url>,
    pub client_tokens: ClientTokenRules,
    pub internal_keys: InternalKeys,
    /// How many requests may come from whom.
    pub rates: Rates,
    pub cors: Origins,
    /// Who may tell a client's address.
    pub trusted: TrustedProxies,
    /// Socket.IO tunnels that may be open.
    pub tunnels: Most,
    /// How long tunnels take to leave at a soft stop.
    pub drain: Duration,
    /// What request bodies may take. No setting: tests choose smaller bounds.
    pub bodies: Bodies,
}

/// Where the services are.
#[derive(Debug, Clone)]
pub struct Upstreams {
    pub connector: Url,
    pub sync_worker: Url,
    pub notification: Url,
    pub ingest: Url,
}

impl Upstreams {
    /// The URL of a service.
    pub fn of(&self, service: Service) -> &Url {
        match service {
            Service::Connector => &self.connector,
            Service::SyncWorker => &self.sync_worker,
            Service::Notification => &self.notification,
            Service::Ingest => &self.ingest,
        }
    }

    fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let url = |service: Service| ServiceUrl::load(env, service.name()).map(|url| url.0);
        let (connector, sync_worker, notification, ingest) =
            all((url(Service::Connector), url(Service::SyncWorker), url(Service::Notification), url(Service::Ingest)))?;
        Ok(Self { connector, sync_worker, notification, ingest })
    }
}

impl Config {
    /// # Errors
    /// Every setting that is missing or malformed.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let (
            listen,
            database,
            public_url,
            upstreams,
            socketio,
            client_tokens,
            internal_keys,
            rates,
            cors,
            trusted,
            tunnels,
            drain,
        ) = all((
            Listen::load(env, "gateway"),
            DatabaseUrl::load(env, "gateway"),
            PublicUrl::load(env),
            Upstreams::load(env),
            socketio(env),
            ClientTokenRules::load(env),
            InternalKeys::load_pairs(env, &Service::ALL.map(|service| ("gateway", service.name()))),
            rates(env),
            Origins::load(env, "CORS_ALLOWED_ORIGINS"),
            trusted(env),
            tunnels(env),
            drain(env),
        ))?;
        Ok(Self {
            listen,
            database,
            public_url,
            upstreams,
            socketio,
            client_tokens,
            internal_keys,
            rates,
            cors,
            trusted,
            tunnels,
            drain,
            bodies: Bodies::default(),
        })
    }
}

/// `SOCKETIO_URL`: one URL, or several separated by commas where notification runs in several processes.
fn socketio(env: &Env) -> Result<Vec<Url>, ConfigErrors> {
    const NAME: &str = "SOCKETIO_URL";
    let listed = env.list(NAME);
    if listed.is_empty() {
        return ServiceUrl::load(env, "socketio").map(|url| vec![url.0]);
    }
    let parse = |text: &String| match Url::parse(text) {
        Ok(url) if url.scheme() == "http" && url.has_host() => Ok(url),
        Ok(_) => Err(env.malformed(NAME, "the tunnel speaks plain http inside; it is no http URL")),
        Err(error) => Err(env.malformed(NAME, &error.to_string())),
    };
    listed.iter().map(parse).collect()
}

fn rates(env: &Env) -> Result<Rates, ConfigErrors> {
    let (user, address, sessions) = all((
        env.parse("RATE_LIMIT_PER_MINUTE"),
        env.parse("RATE_LIMIT_PER_ADDRESS"),
        env.parse("SOCKETIO_SESSIONS_PER_ADDRESS"),
    ))?;
    Ok(Rates { user, address, sessions })
}

fn tunnels(env: &Env) -> Result<Most, ConfigErrors> {
    let (all, per_address) = all((env.parse("SOCKETIO_TUNNELS"), env.parse("SOCKETIO_TUNNELS_PER_ADDRESS")))?;
    Ok(Most { all, per_address })
}

/// `SOCKETIO_DRAIN_SECONDS`, or two thirds of the time a soft stop may take: what is begun besides needs some too.
fn drain(env: &Env) -> Result<Duration, ConfigErrors> {
    const NAME: &str = "SOCKETIO_DRAIN_SECONDS";
    let (deadline, set) =
        all((env.parse_or("STOP_DEADLINE_SECONDS", DEFAULT_DEADLINE.as_secs()), env.parse_optional::<u64>(NAME)))?;
    let seconds = set.unwrap_or(deadline * 2 / 3);
    if seconds >= deadline && set.is_some() {
        let problem = format!("is {seconds}, but a soft stop ends after STOP_DEADLINE_SECONDS={deadline}");
        return Err(ConfigErrors::one(NAME, problem, "Set it lower, or STOP_DEADLINE_SECONDS higher"));
    }
    Ok(Duration::from_secs(seconds))
}

/// With an https origin there is a proxy that ends TLS, and it must be named: else it is the address of everybody, and
/// all share what one stranger may ask.
fn trusted(env: &Env) -> Result<TrustedProxies, ConfigErrors> {
    const NAME: &str = "TRUSTED_PROXIES";
    let entries = env.list(NAME);
    let https = PublicUrl::load(env).is_ok_and(|url| url.0.scheme() == "https");
    if https && entries.is_empty() {
        return Err(ConfigErrors::one(
            NAME,
            "is not set, but APP_PUBLIC_URL is https: a proxy ends TLS in front of the gateway, and as long as it is not \
             named, all clients have its address and share one budget of requests",
            "Set it to the addresses or networks the proxy connects from (127.0.0.1 for one on this machine, 10.0.0.0/8, \
             or the word private for every private network), or to none if the proxy keeps the clients' own addresses",
        ));
    }
    TrustedProxies::parse(entries.iter().map(String::as_str)).map_err(|error| env.malformed(NAME, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    fn keys(services: &[Service]) -> String {
        let entries: Vec<_> = services.iter().map(|service| format!("gateway>{}:{KEY}", service.name())).collect();
        entries.join(",")
    }

    fn env(more: &[(&str, &str)]) -> Env {
        let (secret, keys) = ("x".repeat(32), keys(&Service::ALL));
        let base = [
            ("JWT_SECRET", secret.as_str()),
            ("INTERNAL_KEYS", keys.as_str()),
            ("GATEWAY_DATABASE_URL", "postgres://gateway:x@127.0.0.1/postrider"),
        ];
        Env::from_pairs(base.into_iter().chain(more.iter().copied()))
    }

    #[test]
    fn services_are_found_in_the_block_of_ports() {
        let config = Config::load(&env(&[("PORT_BASE", "9000")])).unwrap();
        assert_eq!(config.upstreams.of(Service::Ingest).as_str(), "http://127.0.0.1:9004/");
        assert_eq!(config.socketio[0].as_str(), "http://127.0.0.1:9013/");
        let Rates { user, address, sessions } = config.rates;
        assert_eq!([user, address, sessions].map(NonZeroU32::get), [600, 60, 1_000]);
        assert_eq!((config.tunnels.all.get(), config.tunnels.per_address.get()), (20_000, 1_000));
    }

    #[test]
    fn several_socket_listeners_may_be_named() {
        let config = Config::load(&env(&[("SOCKETIO_URL", "http://n1:8013, http://n2:8013/")])).unwrap();
        assert_eq!(config.socketio.len(), 2);
        assert!(Config::load(&env(&[("SOCKETIO_URL", "https://n1:8013")])).is_err());
    }

    #[test]
    fn a_limit_of_nothing_and_origins_that_are_none_stop_the_start() {
        let wrong = [
            ("RATE_LIMIT_PER_MINUTE", "0"),
            ("RATE_LIMIT_PER_ADDRESS", "0"),
            ("SOCKETIO_SESSIONS_PER_ADDRESS", "-1"),
            ("SOCKETIO_TUNNELS", "many"),
            ("CORS_ALLOWED_ORIGINS", "app"),
        ];
        let errors = Config::load(&env(&wrong)).unwrap_err().to_string();
        for (name, _) in wrong {
            assert!(errors.contains(name), "{name}: {errors}");
        }
    }

    #[test]
    fn a_service_without_a_key_stops_the_start_and_is_named() {
        let some = keys(&[Service::Connector, Service::Notification, Service::Ingest]);
        let error = Config::load(&env(&[("INTERNAL_KEYS", &some)])).unwrap_err().to_string();
        assert!(error.contains("gateway>sync-worker") && !error.contains("gateway>connector"), "{error}");
    }

    #[test]
    fn proxies_are_networks_and_nobody_is_trusted_unless_named() {
        assert!(Config::load(&env(&[])).unwrap().trusted.is_empty());
        assert!(!Config::load(&env(&[("TRUSTED_PROXIES", "10.0.0.0/8, ::1")])).unwrap().trusted.is_empty());
        let wrong = [("TRUSTED_PROXIES", "proxy.example.com"), ("SOCKETIO_TUNNELS_PER_ADDRESS", "0")];
        let errors = Config::load(&env(&wrong)).unwrap_err().to_string();
        assert!(errors.contains("TRUSTED_PROXIES") && errors.contains("SOCKETIO_TUNNELS_PER_ADDRESS"), "{errors}");
    }

    #[test]
    fn behind_a_tls_proxy_the_start_needs_to_know_which() {
        let https = ("APP_PUBLIC_URL", "https://mail.example.com");
        let error = Config::load(&env(&[https])).unwrap_err().to_string();
        for word in ["TRUSTED_PROXIES", "APP_PUBLIC_URL", "127.0.0.1", "private", "none"] {
            assert!(error.contains(word), "{word}: {error}");
        }
        for (proxies, nobody) in
            [("127.0.0.1", false), ("private", false), ("10.0.0.0/8, private", false), ("none", true)]
        {
            let config = Config::load(&env(&[https, ("TRUSTED_PROXIES", proxies)])).unwrap();
            assert_eq!(config.trusted.is_empty(), nobody, "{proxies}");
        }
        assert!(Config::load(&env(&[("APP_PUBLIC_URL", "http://localhost:8000")])).is_ok());
        assert!(Config::load(&env(&[https, ("TRUSTED_PROXIES", "none, 10.0.0.1")])).is_err());
    }

    #[test]
    fn tunnels_have_left_before_a_soft_stop_ends() {
        let drain = |pairs: &[(&str, &str)]| Config::load(&env(pairs)).map(|config| config.drain.as_secs());
        let (deadline, own) = ("STOP_DEADLINE_SECONDS", "SOCKETIO_DRAIN_SECONDS");
        assert_eq!(drain(&[]).unwrap(), 20);
        assert_eq!(drain(&[(deadline, "60")]).unwrap(), 40);
        assert_eq!(drain(&[(deadline, "60"), (own, "59")]).unwrap(), 59);
        assert_eq!(drain(&[(own, "0")]).unwrap(), 0);
        let error = drain(&[(own, "30")]).unwrap_err().to_string();
        assert!(error.contains(own) && error.contains(deadline), "{error}");
    }
}
