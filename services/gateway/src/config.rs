//! Settings: `GATEWAY_ADDR`, `GATEWAY_ADMIN_ADDR`, `APP_PUBLIC_URL`, `CONNECTOR_URL`, `SYNC_WORKER_URL`,
//! `NOTIFICATION_URL`, `INGEST_URL`, `SOCKETIO_URL`, `JWT_SECRET` or `JWT_JWKS_URL`, `JWT_ISSUER`, `JWT_AUDIENCE`,
//! `INTERNAL_KEYS`, `RATE_LIMIT_PER_MINUTE`, `CORS_ALLOWED_ORIGINS`, `TRUSTED_PROXIES`, `SOCKETIO_TUNNELS_PER_ADDRESS`.
//!
//! `GATEWAY_DATABASE_URL` is read by `migrate` only: what this service serves today needs no database.

use std::num::{NonZeroU32, NonZeroUsize};

use postrider_runtime::config::{Listen, PublicUrl, ServiceUrl, all};
use postrider_runtime::{ConfigErrors, Env};
use postrider_web::client_tokens::ClientTokenRules;
use postrider_web::{InternalKeys, Origins};
use url::Url;

use crate::proxy::Bodies;
use crate::routes::Service;
use crate::rules::client_address::TrustedProxies;

/// All this service reads.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: Listen,
    pub public_url: PublicUrl,
    pub upstreams: Upstreams,
    /// The Socket.IO listeners, one or several.
    pub socketio: Vec<Url>,
    pub client_tokens: ClientTokenRules,
    pub internal_keys: InternalKeys,
    /// Requests a minute for a user.
    pub rate_limit: NonZeroU32,
    pub cors: Origins,
    /// Who may tell a client's address.
    pub trusted: TrustedProxies,
    /// Socket.IO tunnels one address may hold open.
    pub tunnels_per_address: NonZeroUsize,
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
        let (listen, public_url, upstreams, socketio, client_tokens, internal_keys, rate_limit, cors, trusted, tunnels) =
            all((
                Listen::load(env, "gateway"),
                PublicUrl::load(env),
                Upstreams::load(env),
                socketio(env),
                ClientTokenRules::load(env),
                InternalKeys::load_pairs(env, &Service::ALL.map(|service| ("gateway", service.name()))),
                env.parse("RATE_LIMIT_PER_MINUTE"),
                Origins::load(env, "CORS_ALLOWED_ORIGINS"),
                trusted(env),
                env.parse("SOCKETIO_TUNNELS_PER_ADDRESS"),
            ))?;
        Ok(Self {
            listen,
            public_url,
            upstreams,
            socketio,
            client_tokens,
            internal_keys,
            rate_limit,
            cors,
            trusted,
            tunnels_per_address: tunnels,
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

fn trusted(env: &Env) -> Result<TrustedProxies, ConfigErrors> {
    const NAME: &str = "TRUSTED_PROXIES";
    let entries = env.list(NAME);
    TrustedProxies::parse(entries.iter().map(String::as_str)).map_err(|error| env.malformed(NAME, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    fn keys(services: &[Service]) -> String {
        let entries: Vec<_> = services.iter().map(|service| format!("gateway>{}:{KEY}", service.name())).collect();
        entries.join(",")
    }

    fn env(more: &[(&str, &str)]) -> Env {
        let (secret, keys) = ("x".repeat(32), keys(&Service::ALL));
        let base = [("JWT_SECRET", secret.as_str()), ("INTERNAL_KEYS", keys.as_str())];
        Env::from_pairs(base.into_iter().chain(more.iter().copied()))
    }

    #[test]
    fn services_are_found_in_the_block_of_ports() {
        let config = Config::load(&env(&[("PORT_BASE", "9000")])).unwrap();
        assert_eq!(config.upstreams.of(Service::Ingest).as_str(), "http://127.0.0.1:9004/");
        assert_eq!(config.socketio[0].as_str(), "http://127.0.0.1:9013/");
        assert_eq!(config.rate_limit.get(), 600);
    }

    #[test]
    fn several_socket_listeners_may_be_named() {
        let config = Config::load(&env(&[("SOCKETIO_URL", "http://n1:8013, http://n2:8013/")])).unwrap();
        assert_eq!(config.socketio.len(), 2);
        assert!(Config::load(&env(&[("SOCKETIO_URL", "https://n1:8013")])).is_err());
    }

    #[test]
    fn a_limit_of_nothing_and_origins_that_are_none_stop_the_start() {
        let errors = Config::load(&env(&[("RATE_LIMIT_PER_MINUTE", "0"), ("CORS_ALLOWED_ORIGINS", "app")]))
            .unwrap_err()
            .to_string();
        assert!(errors.contains("RATE_LIMIT_PER_MINUTE") && errors.contains("CORS_ALLOWED_ORIGINS"), "{errors}");
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
}
