//! What the service reads from the environment: `SYNC_WORKER_ADDR`, `SYNC_WORKER_ADMIN_ADDR`,
//! `SYNC_WORKER_DATABASE_URL`, `AMQP_URL`, `INTERNAL_KEYS`, `CONNECTOR_URL`, `GMAIL_API_URL`, `GMAIL_QUOTA`,
//! `POLLING_INTERVAL`, `GMAIL_POLL_INTERVAL_SECONDS`, `STREAM_CHECK_SECONDS`, `DELETED_EMAIL_RETENTION_DAYS`,
//! `ATTACHMENT_STORE`, `METRICS_PER_CONNECTOR`.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_blobs::AttachmentStore;
use postrider_gmail::quota::QuotaSetting;
use postrider_runtime::ConfigErrors;
use postrider_runtime::config::{Amqp, DatabaseUrl, Env, Listen, ServiceUrl, all};
use postrider_web::InternalKeys;
use url::Url;

/// Who calls whom, this service among them.
const PAIRS: [(&str, &str); 3] =
    [("gateway", "sync-worker"), ("notification", "sync-worker"), ("sync-worker", "connector")];

/// The service's name in settings, tokens and events.
pub const NAME: &str = "sync-worker";

/// Everything the service is started with.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: Listen,
    pub database: DatabaseUrl,
    pub amqp: Amqp,
    pub internal_keys: InternalKeys,
    pub connector_url: Url,
    pub gmail_api_url: Url,
    pub quota: QuotaSetting,
    /// Poll interval of mailboxes that set none.
    pub poll_interval: Duration,
    /// How often stream heads are compared with connector's.
    pub stream_check: Duration,
    /// How long deleted mails keep their content.
    pub keep_deleted: TimeDelta,
    /// Where kept attachments lie.
    pub attachment_store: AttachmentStore,
    /// Metrics have a series for each account.
    pub metrics_per_connector: bool,
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All that is missing or malformed.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let (listen, database, amqp, internal_keys, connector_url) = all((
            Listen::load(env, NAME),
            DatabaseUrl::load(env, NAME),
            Amqp::load(env),
            InternalKeys::load_pairs(env, &PAIRS),
            ServiceUrl::load(env, "connector"),
        ))?;
        let (gmail_api_url, quota, poll_interval, stream_check) = all((
            env.parse::<Url>("GMAIL_API_URL"),
            env.parse::<QuotaSetting>("GMAIL_QUOTA"),
            poll_interval(env),
            env.seconds("STREAM_CHECK_SECONDS"),
        ))?;
        let (keep_deleted, attachment_store, metrics_per_connector) = all((
            env.parse::<u16>("DELETED_EMAIL_RETENTION_DAYS"),
            env.parse::<AttachmentStore>("ATTACHMENT_STORE"),
            env.flag("METRICS_PER_CONNECTOR"),
        ))?;
        let connector_url = connector_url.0;
        Ok(Self {
            listen,
            database,
            amqp,
            internal_keys,
            connector_url,
            gmail_api_url,
            quota,
            poll_interval,
            stream_check,
            keep_deleted: TimeDelta::days(i64::from(keep_deleted)),
            attachment_store,
            metrics_per_connector,
        })
    }
}

/// Seconds win over the word.
fn poll_interval(env: &Env) -> Result<Duration, ConfigErrors> {
    if env.optional("GMAIL_POLL_INTERVAL_SECONDS").is_some() {
        return env.seconds("GMAIL_POLL_INTERVAL_SECONDS");
    }
    let word = env.required("POLLING_INTERVAL")?;
    match word.as_str() {
        "fast" => Ok(Duration::from_secs(60)),
        "normal" => Ok(Duration::from_secs(300)),
        "slow" => Ok(Duration::from_secs(900)),
        _ => Err(env.malformed("POLLING_INTERVAL", "it is none of fast, normal, slow")),
    }
}
