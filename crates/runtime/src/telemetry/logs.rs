//! Which lines are written, and where to.

use std::panic::PanicHookInfo;
use std::str::FromStr;

use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::line::LineLayer;
use super::redact::Redactor;
use crate::config::{ConfigErrors, Env, all};

/// Libraries whose debug lines hold tokens, mails or statements: they stay at info whatever is asked for.
const CAPPED: &[&str] = &[
    "actix_http",
    "actix_server",
    "google_apis_common",
    "google_gmail1",
    "h2",
    "hyper",
    "hyper_util",
    "lapin",
    "oauth2",
    "reqwest",
    "rustls",
    "tokio_postgres",
    "tokio_util",
    "tungstenite",
    "yup_oauth2",
];

/// `LOG_FORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err("neither json nor pretty"),
        }
    }
}

/// `LOG_FORMAT` and `LOG_LEVEL`.
#[derive(Debug, Clone)]
pub struct Settings {
    pub format: Format,
    /// Directives as `info,storage=debug`.
    pub level: String,
}

impl Settings {
    /// # Errors
    /// A format or directive that does not exist.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let level = env.required("LOG_LEVEL").and_then(|level| match EnvFilter::try_new(&level) {
            Ok(_) => Ok(level),
            Err(error) => Err(env.malformed("LOG_LEVEL", &error.to_string())),
        });
        let (format, level) = all((env.parse("LOG_FORMAT"), level))?;
        Ok(Self { format, level })
    }
}

/// Starts the process's logs on standard error. Repeating it changes nothing.
///
/// # Errors
/// Wrong log settings.
pub fn init(env: &Env) -> Result<(), ConfigErrors> {
    let settings = Settings::load(env)?;
    let subscriber = subscriber(&settings, Redactor::of(env), std::io::stderr);
    // An error means that logs were started already: several services in one process share them.
    if subscriber.try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(())
}

/// A panic is a line like any other: in the same format, with the trace id of the work it broke.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let text = panic.payload_as_str().unwrap_or("no message");
    tracing::error!(panic.place = %place, panic.text = %text, "panicked at {place}");
}

/// The subscriber behind [`init`], with another writer; for tests.
pub fn subscriber<W>(settings: &Settings, redactor: Redactor, writer: W) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = EnvFilter::try_new(&settings.level).unwrap_or_else(|_checked_by_load| EnvFilter::new("info"));
    let lines = LineLayer::new(settings.format, redactor, writer).with_filter(filter_fn(is_safe));
    Registry::default().with(level).with(lines)
}

fn is_safe(metadata: &Metadata<'_>) -> bool {
    let root = metadata.target().split("::").next().unwrap_or_default();
    !CAPPED.contains(&root) || *metadata.level() <= tracing::Level::INFO
}
