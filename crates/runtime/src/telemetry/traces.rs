//! Spans of a serving process for a collector, where `OTEL_EXPORTER_OTLP_ENDPOINT` names one. Without it there is no
//! layer, no task and no client.

use std::time::Duration;

use postrider_otlp::{Exporter, Headers, pipeline};
use prometheus::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::logs;
use crate::config::{ConfigErrors, Env, all};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Among them the key that the collector asks for.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// How long the end of the process waits for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// What is sent, before and while it is.
#[derive(Debug)]
pub(crate) struct Traces(Option<Exporter>);

/// The running export.
#[derive(Debug)]
pub(crate) struct Sending(Option<(CancellationToken, JoinHandle<()>)>);

/// Starts the process's logs, and the collection of spans if they are to go anywhere.
///
/// # Errors
/// Wrong log settings, an endpoint that is no http URL, or headers for it that are none.
pub(crate) fn init(env: &Env, service: &'static str) -> Result<Traces, ConfigErrors> {
    let Collector { endpoint: Some(endpoint), headers } = Collector::load(env)? else {
        logs::init(env)?;
        return Ok(Traces(None));
    };
    let made = pipeline(&endpoint, headers, service, env!("CARGO_PKG_VERSION"));
    let (layer, exporter) = made.map_err(|error| env.malformed(ENDPOINT, &error.to_string()))?;
    Ok(Traces(logs::init_with(env, layer)?.then_some(exporter)))
}

/// Where spans go, if anywhere, and what each request there bears.
#[derive(Debug)]
pub(crate) struct Collector {
    pub endpoint: Option<Url>,
    pub headers: Headers,
}

impl Collector {
    /// # Errors
    /// The endpoint is no http URL, or the headers are none.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let (endpoint, headers) = all((endpoint(env), headers(env)))?;
        Ok(Self { endpoint, headers })
    }
}

fn endpoint(env: &Env) -> Result<Option<Url>, ConfigErrors> {
    let endpoint = env.parse_optional::<Url>(ENDPOINT)?;
    if endpoint.as_ref().is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
        let problem = "holds a user or a password, and is shown by check-config: it is no secret";
        return Err(ConfigErrors::one(ENDPOINT, problem, format!("Put them into {HEADERS}: authorization=Basic%20…")));
    }
    match endpoint.as_ref().map(Url::scheme) {
        None | Some("http" | "https") => Ok(endpoint),
        Some(_) => Err(env.malformed(ENDPOINT, "it is neither http nor https")),
    }
}

fn headers(env: &Env) -> Result<Headers, ConfigErrors> {
    let Some(text) = env.optional_secret(HEADERS)? else { return Ok(Headers::default()) };
    Headers::parse(&text).map_err(|error| env.malformed(HEADERS, &error.to_string()))
}

impl Traces {
    /// Sends from now on, beside everything else and after it: a task of no service, so that what the last task of a
    /// service did is sent too.
    pub fn start(self, registry: &Registry) -> Sending {
        let Some(exporter) = self.0 else { return Sending(None) };
        if let Err(error) = registry.register(Box::new(exporter.counter().clone())) {
            tracing::warn!(error = %error, "spans are not counted");
        }
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "outlives every tracker; its end is waited for below")]
        let task = tokio::spawn(exporter.run(stop.clone()));
        Sending(Some((stop, task)))
    }
}

impl Sending {
    /// Sends what is left.
    pub async fn finish(self) {
        let Some((stop, task)) = self.0 else { return };
        stop.cancel();
        if !matches!(tokio::time::timeout(LAST_SPANS, task).await, Ok(Ok(()))) {
            tracing::warn!("the last spans did not reach the collector");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_endpoint_nothing_is_collected_and_a_wrong_one_is_told() {
        let of = |pairs: &[(&str, &str)]| Collector::load(&Env::from_pairs(pairs.iter().copied()));
        assert_eq!(of(&[]).unwrap().endpoint, None);
        assert_eq!(of(&[(ENDPOINT, "http://otel:4318")]).unwrap().endpoint.unwrap().as_str(), "http://otel:4318/");
        for wrong in ["grpc://otel:4317", "otel"] {
            assert!(of(&[(ENDPOINT, wrong)]).unwrap_err().to_string().contains(ENDPOINT), "{wrong}");
        }
        let shown = of(&[(ENDPOINT, "http://me:hunter2@otel:4318")]).unwrap_err().to_string();
        assert!(shown.contains(HEADERS) && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn the_collectors_key_comes_from_a_file_too_and_is_shown_nowhere() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "authorization=Bearer%20hunter2-hunter2\n").unwrap();
        let path = file.path().to_str().unwrap();
        let env = Env::from_pairs([(ENDPOINT, "http://otel:4318"), ("OTEL_EXPORTER_OTLP_HEADERS_FILE", path)]);
        let collector = Collector::load(&env).unwrap();
        let shown = format!("{collector:?} {env:?} {}", env.table());
        assert!(shown.contains("authorization") && shown.contains("(hidden)") && !shown.contains("hunter2"), "{shown}");
        let cut = crate::telemetry::Redactor::of(&env).clean("refused: Bearer hunter2-hunter2".to_owned());
        assert_eq!(cut, "refused: Bearer [secret]");
        let wrong = Collector::load(&Env::from_pairs([(HEADERS, "hunter2-hunter2")])).unwrap_err().to_string();
        assert!(wrong.contains(HEADERS) && !wrong.contains("hunter2"), "{wrong}");
    }
}
