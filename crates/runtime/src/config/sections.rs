//! Groups of settings that several services read.

use std::net::IpAddr;
use std::time::Duration;

use postrider_domain::Secret;
use url::Url;

use super::all::all;
use super::env::Env;
use super::error::ConfigErrors;
use super::listen::{listener_addr, prefix};

/// `AMQP_URL`.
#[derive(Debug, Clone)]
pub struct Amqp {
    pub url: Secret,
}

impl Amqp {
    /// # Errors
    /// Not set.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        env.secret("AMQP_URL").map(|url| Self { url })
    }
}

/// `<SERVICE>_DATABASE_URL` and the pool's limits.
#[derive(Debug, Clone)]
pub struct DatabaseUrl {
    pub url: Secret,
    pub max_connections: usize,
    /// Longest a single statement may run.
    pub statement_timeout: Duration,
}

impl DatabaseUrl {
    /// The settings of the service of that name.
    ///
    /// # Errors
    /// No URL, or a malformed number.
    pub fn load(env: &Env, service: &str) -> Result<Self, ConfigErrors> {
        let (url, max_connections, statement_timeout) = all((
            env.secret(&Self::variable(service)),
            env.parse("DATABASE_MAX_CONNECTIONS"),
            env.seconds("DATABASE_STATEMENT_TIMEOUT_SECONDS"),
        ))?;
        Ok(Self { url, max_connections, statement_timeout })
    }

    /// The name of the service's variable, e.g. `SYNC_WORKER_DATABASE_URL`.
    pub fn variable(service: &str) -> String {
        format!("{}_DATABASE_URL", prefix(service))
    }

    /// The administrator's URL, for `migrate`.
    ///
    /// # Errors
    /// Not set.
    pub fn admin(env: &Env) -> Result<Secret, ConfigErrors> {
        env.secret("DATABASE_URL")
    }
}

/// Where another service is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrl(pub Url);

impl ServiceUrl {
    /// `<SERVICE>_URL`, or `http://` and the service's address.
    ///
    /// # Errors
    /// Malformed, or neither http nor https.
    pub fn load(env: &Env, service: &str) -> Result<Self, ConfigErrors> {
        let name = format!("{}_URL", prefix(service));
        let url = match env.parse_optional::<Url>(&name)? {
            Some(url) => url,
            None => {
                let addr = listener_addr(env, service)?;
                Url::parse(&format!("http://{addr}/")).map_err(|error| env.malformed(&name, &error.to_string()))?
            }
        };
        if matches!(url.scheme(), "http" | "https") {
            Ok(Self(url))
        } else {
            Err(env.malformed(&name, "it is neither http nor https"))
        }
    }
}

/// `APP_PUBLIC_URL`: the origin people and Google use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(pub Url);

impl PublicUrl {
    /// The origin; without the setting, localhost and the gateway's port.
    ///
    /// # Errors
    /// Malformed, or plain http elsewhere than on a loopback address.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        const NAME: &str = "APP_PUBLIC_URL";
        let url = match env.parse_optional::<Url>(NAME)? {
            Some(url) => url,
            None => Url::parse(&format!("http://localhost:{}", listener_addr(env, "gateway")?.port()))
                .map_err(|error| env.malformed(NAME, &error.to_string()))?,
        };
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            "http" => Err(ConfigErrors::one(
                NAME,
                format!("is {url}: plain http would send tokens and OAuth codes readable over the network"),
                "Use an https origin; http is for localhost only",
            )),
            _ => Err(env.malformed(NAME, "it is not an https URL")),
        }
    }

    /// The origin without a slash at the end, e.g. `https://mail.example.com`.
    pub fn origin(&self) -> String {
        self.0.as_str().trim_end_matches('/').to_owned()
    }
}

/// `INTERNAL_KEYS` as it is written; `web::service_tokens::InternalKeys::parse` reads it.
#[derive(Debug, Clone)]
pub struct InternalKeyText(pub Secret);

impl InternalKeyText {
    /// # Errors
    /// Not set.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        env.secret("INTERNAL_KEYS").map(Self)
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn the_public_origin_is_https_or_loopback() {
        assert_eq!(PublicUrl::load(&env(&[("PORT_BASE", "9000")])).unwrap().origin(), "http://localhost:9000");
        for good in ["https://mail.example.com/", "http://127.0.0.1:1", "http://[::1]:1", "http://a.localhost"] {
            assert!(PublicUrl::load(&env(&[("APP_PUBLIC_URL", good)])).is_ok(), "{good}");
        }
        for bad in ["http://mail.example.com", "http://localhost.example.com", "ftp://localhost", "nothing"] {
            assert!(PublicUrl::load(&env(&[("APP_PUBLIC_URL", bad)])).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_service_is_found_by_its_url_or_by_its_address() {
        let url = |pairs: &[(&str, &str)]| ServiceUrl::load(&env(pairs), "sync-worker").map(|url| url.0.to_string());
        assert_eq!(url(&[]).unwrap(), "http://127.0.0.1:8002/");
        assert_eq!(url(&[("SYNC_WORKER_ADDR", "10.0.0.5:80")]).unwrap(), "http://10.0.0.5/");
        assert_eq!(url(&[("SYNC_WORKER_URL", "http://sync:1/")]).unwrap(), "http://sync:1/");
        assert!(url(&[("SYNC_WORKER_URL", "amqp://sync")]).is_err());
    }

    #[test]
    fn every_missing_part_of_a_section_is_told() {
        let bad = env(&[("DATABASE_MAX_CONNECTIONS", "many")]);
        let text = DatabaseUrl::load(&bad, "sync-worker").unwrap_err().to_string();
        assert!(text.contains("SYNC_WORKER_DATABASE_URL") && text.contains("DATABASE_MAX_CONNECTIONS"), "{text}");
    }
}
