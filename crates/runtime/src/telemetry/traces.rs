//! Spans of a serving process for a collector, where `OTEL_EXPORTER_OTLP_ENDPOINT` names one. Without it there is no
//! layer, no task and no client.

use std::time::Duration;

use postrider_otlp::{Exporter, pipeline};
use prometheus::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::logs;
use crate::config::{ConfigErrors, Env};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
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
    let Some(endpoint) = endpoint(env)? else {
        logs::init(env)?;
        return Ok(Traces(None));
    };
    let made = pipeline(&endpoint, service, env!("CARGO_PKG_VERSION"));
    let (layer, exporter) = made.map_err(|error| env.malformed(ENDPOINT, &error.to_string()))?;
    Ok(Traces(logs::init_with(env, layer)?.then_some(exporter)))
}

/// Where spans go, if anywhere.
///
/// # Errors
/// It is no http URL.
pub(crate) fn endpoint(env: &Env) -> Result<Option<Url>, ConfigErrors> {
    let endpoint = env.parse_optional::<Url>(ENDPOINT)?;
    match endpoint.as_ref().map(Url::scheme) {
        None | Some("http" | "https") => Ok(endpoint),
        Some(_) => Err(env.malformed(ENDPOINT, "it is neither http nor https")),
    }
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
        let of = |pairs: &[(&str, &str)]| endpoint(&Env::from_pairs(pairs.iter().copied()));
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&[(ENDPOINT, "http://otel:4318")]).unwrap().unwrap().as_str(), "http://otel:4318/");
        for wrong in ["grpc://otel:4317", "otel"] {
            assert!(of(&[(ENDPOINT, wrong)]).unwrap_err().to_string().contains(ENDPOINT), "{wrong}");
        }
    }
}
