//! Settings: `NOTIFICATION_ADDR`, `NOTIFICATION_ADMIN_ADDR`, `SOCKETIO_ADDR`, `NOTIFICATION_DATABASE_URL`, `AMQP_URL`,
//! `INTERNAL_KEYS`, `JWT_*`, `CONNECTOR_URL`, `SYNC_WORKER_URL`, `SOCKETIO_PING_INTERVAL`, `SOCKETIO_PING_TIMEOUT`,
//! `CORS_ALLOWED_ORIGINS`, `NOTIFICATION_RETENTION_DAYS`, `STREAM_CHECK_SECONDS`.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::TimeDelta;
use domain::Secret;
use runtime::config::{Amqp, ConfigErrors, DatabaseUrl, Env, Listen, ServiceUrl, all, listener_addr};
use url::Url;
use web::InternalKeys;
use web::jwt::ClientTokenRules;

use crate::socket;

/// The service's name in settings, tokens and events.
pub const NAME: &str = "notification";

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
            InternalKeys::load(env),
            ClientTokenRules::load(env),
        ))?;
        let (connector, sync_worker, ping_interval, ping_timeout, retention, stream_check) = all((
            ServiceUrl::load(env, "connector"),
            ServiceUrl::load(env, "sync-worker"),
            env.seconds("SOCKETIO_PING_INTERVAL"),
            env.seconds("SOCKETIO_PING_TIMEOUT"),
            env.parse::<u16>("NOTIFICATION_RETENTION_DAYS"),
            env.seconds("STREAM_CHECK_SECONDS"),
        ))?;
        Ok(Self {
            listen,
            socket_addr,
            database,
            amqp: amqp.url,
            internal_keys,
            client_tokens,
            connector: connector.0,
            sync_worker: sync_worker.0,
            socket: socket::Settings {
                ping_interval,
                ping_timeout,
                origins: env.list("CORS_ALLOWED_ORIGINS"),
                ..socket::Settings::default()
            },
            retention: TimeDelta::days(i64::from(retention)),
            stream_check,
        })
    }
}
