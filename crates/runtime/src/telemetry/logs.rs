//! Which lines are written, and where to.

use std::panic::PanicHookInfo;
use std::str::FromStr;

use postrider_otlp::{SpanLayer, is_exported};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::line::LineLayer;
use super::redact::Redactor;
use crate::config::{ConfigErrors, Env, all};

/// Libraries whose lines hold tokens, mails or statements, and the last level that does not: they stay at it whatever is
/// asked for.
const CAPPED: &[(&str, Level)] = &[
    ("actix_http", Level::INFO),
    ("actix_server", Level::INFO),
    ("google_apis_common", Level::INFO),
    ("google_gmail1", Level::INFO),
    ("h2", Level::INFO),
    ("hyper", Level::INFO),
    ("hyper_util", Level::INFO),
    // Warns of returned messages with all of their bytes; `broker` counts and names them itself.
    ("lapin", Level::ERROR),
    ("oauth2", Level::INFO),
    ("reqwest", Level::INFO),
    ("rustls", Level::INFO),
    ("tokio_postgres", Level::INFO),
    ("tokio_util", Level::INFO),
    ("tungstenite", Level::INFO),
    ("yup_oauth2", Level::INFO),
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
    started(subscriber(&settings, Redactor::of(env), std::io::stderr).try_init());
    Ok(())
}

/// The same, and the spans besides into the given layer. They do not depend on `LOG_LEVEL`. False: logs were started
/// already.
pub(super) fn init_with(env: &Env, spans: SpanLayer) -> Result<bool, ConfigErrors> {
    let settings = Settings::load(env)?;
    let lines = LineLayer::new(settings.format, Redactor::of(env), std::io::stderr);
    let lines = lines.with_filter(directives(&settings).and(filter_fn(is_safe)));
    let spans = spans.with_filter(filter_fn(is_exported));
    Ok(started(Registry::default().with(lines).with(spans).try_init()))
}

/// An error means that logs were started already: several services in one process share them.
fn started(result: Result<(), TryInitError>) -> bool {
    if result.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    result.is_ok()
}

fn directives(settings: &Settings) -> EnvFilter {
    EnvFilter::try_new(&settings.level).unwrap_or_else(|_checked_by_load| EnvFilter::new("info"))
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
    let lines = LineLayer::new(settings.format, redactor, writer).with_filter(filter_fn(is_safe));
    Registry::default().with(directives(settings)).with(lines)
}

fn is_safe(metadata: &Metadata<'_>) -> bool {
    let root = metadata.target().split("::").next().unwrap_or_default();
    CAPPED.iter().find(|(name, _)| *name == root).is_none_or(|(_, most)| metadata.level() <= most)
}
