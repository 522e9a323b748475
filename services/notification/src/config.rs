//! Settings: `NOTIFICATION_ADDR`, `NOTIFICATION_ADMIN_ADDR`, `SOCKETIO_ADDR`, `NOTIFICATION_DATABASE_URL`, `AMQP_URL`,
//! `INTERNAL_KEYS`, `JWT_*`, `CONNECTOR_URL`, `SYNC_WORKER_URL`, `SOCKETIO_PING_INTERVAL`, `SOCKETIO_PING_TIMEOUT`,
//! `SOCKETIO_SOCKETS_PER_USER`, `CORS_ALLOWED_ORIGINS`, `NOTIFICATION_RETENTION_DAYS`, `STREAM_CHECK_SECONDS`,
//! `NOTIFICATION_ENCRYPTION_KEYS`, `WEBHOOK_ALLOW_PRIVATE`, `PUSH_NOTIFICATIONS_ENABLED`, `VAPID_PRIVATE_KEY`,
//! `VAPID_SUBJECT`, `PUSH_HOSTS`, `SPAM_HOLD_SECONDS`, `SMTP_*`, `MAIL_FROM`,
//! `NOTIFICATION_DIGEST_ENABLED`, `APP_PUBLIC_URL`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::TimeDelta;
use postrider_contracts::OriginKey;
use postrider_domain::Secret;
use postrider_runtime::config::{
    Amqp, ConfigErrors, DatabaseUrl, Env, Listen, PublicUrl, ServiceUrl, all, listener_addr,
};
use postrider_web::Origins;
use postrider_web::client_tokens::ClientTokenRules;
use postrider_web::service_tokens::InternalKeys;
use url::Url;

use crate::channels::email::MailSettings;
use crate::channels::socket;
use crate::channels::web_push::{PushHosts, VapidKeys};
use crate::channels::webhook::Reach;
use crate::deliveries::WebhookKeys;
use crate::rules::mail_token::MailKey;

/// The service's name in settings, tokens and events.
pub const NAME: &str = "notification";
/// Without pings a dead socket is never noticed; a long poll is answered by the next ping at the latest, and the gateway
/// waits 40 s for an answer.
const PING_INTERVALS: RangeInclusive<u64> = 1..=35;
/// No time at all closes every socket at its first ping; a dead socket that is kept for an hour helps nobody.
const PING_TIMEOUTS: RangeInclusive<u64> = 1..=3_600;
/// News that come an hour late are none.
const SPAM_HOLDS: RangeInclusive<u64> = 0..=3_600;
/// Who calls whom: our routes, accounts' events, mailboxes' events.
const PAIRS: [(&str, &str); 3] = [("gateway", NAME), (NAME, "connector"), (NAME, "sync-worker")];

/// All the service reads.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: Listen,
    pub socket_addr: SocketAddr,
    pub database: DatabaseUrl,
    pub amqp: Secret,
    pub internal_keys: InternalKeys,
    pub client_tokens: ClientTokenRules,
    pub connector: Url,
    pub sync_worker: Url,
    pub socket: socket::Settings,
    /// How long notifications and their log live.
    pub retention: TimeDelta,
    pub stream_check: Duration,
    /// What seals the secrets of webhook endpoints.
    pub webhook_keys: WebhookKeys,
    pub webhook_reach: Reach,
    /// The mail server, if there is one.
    pub mail: Option<MailSettings>,
    /// Whether digests are sent.
    pub digests: bool,
    /// Where the links in mails lead.
    pub public: PublicUrl,
    /// What our pushes are signed with.
    pub vapid: VapidKeys,
    /// Push services.
    pub push_hosts: PushHosts,
    /// How long what leaves the house about a new mail waits for Gmail's verdict on spam.
    pub spam_hold: TimeDelta,
}

impl Config {
    /// Reads and checks.
    ///
    /// # Errors
    /// Every setting that is missing or wrong.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let (listen, socket_addr, database, amqp, internal_keys, client_tokens) = all((
            Listen::load(env, NAME),
            listener_addr(env, "socketio"),
            DatabaseUrl::load(env, NAME),
            Amqp::load(env),
            InternalKeys::load_pairs(env, &PAIRS),
            ClientTokenRules::load(env),
        ))?;
        let (connector, sync_worker, ping_interval, ping_timeout, per_user, origins, retention, stream_check) = all((
            ServiceUrl::load(env, "connector"),
            ServiceUrl::load(env, "sync-worker"),
            seconds_within(env, "SOCKETIO_PING_INTERVAL", PING_INTERVALS),
            seconds_within(env, "SOCKETIO_PING_TIMEOUT", PING_TIMEOUTS),
            env.parse("SOCKETIO_SOCKETS_PER_USER").map(NonZeroUsize::get),
            Origins::load(env, "CORS_ALLOWED_ORIGINS"),
            env.parse::<u16>("NOTIFICATION_RETENTION_DAYS"),
            env.seconds("STREAM_CHECK_SECONDS"),
        ))?;
        let (webhook_keys, allow_private, vapid, push_hosts, spam_hold) = all((
            WebhookKeys::load(env),
            env.flag("WEBHOOK_ALLOW_PRIVATE"),
            VapidKeys::load(env),
            PushHosts::load(env),
            seconds_within(env, "SPAM_HOLD_SECONDS", SPAM_HOLDS),
        ))?;
        let (mail, digests, public) =
            all((MailSettings::load(env), env.flag("NOTIFICATION_DIGEST_ENABLED"), PublicUrl::load(env)))?;
        Ok(Self {
            listen,
            socket_addr,
            database,
            amqp: amqp.url,
            internal_keys,
            client_tokens,
            connector: connector.0,
            sync_worker: sync_worker.0,
            socket: socket::Settings { ping_interval, ping_timeout, per_user, origins, ..socket::Settings::default() },
            retention: TimeDelta::days(i64::from(retention)),
            stream_check,
            webhook_keys,
            vapid,
            push_hosts,
            spam_hold: TimeDelta::from_std(spam_hold).unwrap_or_default(),
            webhook_reach: if allow_private { Reach::Anywhere } else { Reach::Public },
            mail,
            digests,
            public,
        })
    }
}

impl Config {
    /// The keys that sign the links in our mails, made of the same one.
    pub fn mail_keys(&self) -> Vec<MailKey> {
        self.internal_keys.derive(NAME, "sync-worker", MailKey::derive)
    }

    /// The keys of our own mails' headers, made of one that only two services of ours know.
    pub fn origin_keys(&self) -> Vec<OriginKey> {
        self.internal_keys.derive(NAME, "sync-worker", OriginKey::derive)
    }
}

fn seconds_within(env: &Env, name: &str, within: RangeInclusive<u64>) -> Result<Duration, ConfigErrors> {
    let seconds = env.seconds(name)?;
    if within.contains(&seconds.as_secs()) {
        return Ok(seconds);
    }
    let remedy = format!("Set it to {} to {} seconds", within.start(), within.end());
    Err(ConfigErrors::one(name, format!("is {}, which makes no sense", seconds.as_secs()), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "gateway>notification:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,\
                        notification>connector:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,\
                        notification>sync-worker:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    fn load(more: &[(&str, &str)]) -> Result<Config, String> {
        let secret = "x".repeat(32);
        let base = [
            ("JWT_SECRET", secret.as_str()),
            ("INTERNAL_KEYS", KEYS),
            ("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2f"),
            ("NOTIFICATION_DATABASE_URL", "postgres://notification:x@127.0.0.1/postrider"),
        ];
        let env = Env::from_pairs(base.into_iter().chain(more.iter().copied()));
        Config::load(&env).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_and_the_ends_of_the_ranges_are_good() {
        assert_eq!(load(&[]).unwrap().socket.ping_interval, Duration::from_secs(25));
        for seconds in ["1", "35"] {
            assert!(load(&[("SOCKETIO_PING_INTERVAL", seconds), ("SOCKETIO_PING_TIMEOUT", "1")]).is_ok());
        }
        let sockets = |more: &[(&str, &str)]| load(more).unwrap().socket.per_user;
        assert_eq!((sockets(&[]), sockets(&[("SOCKETIO_SOCKETS_PER_USER", "500")])), (50, 500));
        let any = load(&[("CORS_ALLOWED_ORIGINS", "*")]).unwrap().socket.origins;
        assert!(any.is_any());
    }

    #[test]
    fn pings_that_end_every_socket_and_origins_that_are_none_stop_the_start() {
        for (name, value) in [
            ("SOCKETIO_PING_INTERVAL", "0"),
            ("SOCKETIO_PING_INTERVAL", "36"),
            ("SOCKETIO_PING_TIMEOUT", "0"),
            ("SOCKETIO_SOCKETS_PER_USER", "0"),
            ("CORS_ALLOWED_ORIGINS", "https://a.example, app"),
            ("SPAM_HOLD_SECONDS", "3601"),
            ("PUSH_HOSTS", "https://fcm.googleapis.com"),
        ] {
            let errors = load(&[(name, value)]).unwrap_err();
            assert!(errors.contains(name) && errors.contains("Set it to"), "{errors}");
        }
    }

    #[test]
    fn every_pair_it_needs_must_have_a_key() {
        for pair in ["gateway>notification", "notification>connector", "notification>sync-worker"] {
            let keys: Vec<_> = KEYS.split(',').map(str::trim).filter(|entry| !entry.starts_with(pair)).collect();
            let errors = load(&[("INTERNAL_KEYS", keys.join(",").as_str())]).unwrap_err();
            assert!(errors.contains(pair) && errors.contains("openssl rand"), "{errors}");
        }
    }
}
