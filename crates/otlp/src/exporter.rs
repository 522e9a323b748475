//! The way of ended spans to the collector.

use std::fmt;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use prometheus::{IntCounterVec, Opts};
use reqwest::redirect::Policy;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::headers::Headers;
use crate::layer::SpanLayer;

/// Spans that may wait to be sent, about 1 KB each.
const WAITING: usize = 4_096;
/// Spans in one request.
const BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How long a request may take.
const DEADLINE: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(2);

/// Why spans cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
    #[error("the exporter cannot be set up")]
    Exporter(#[source] ExporterBuildError),
    #[error("the counter cannot be set up")]
    Counter(#[source] prometheus::Error),
}

/// Sends spans until it is stopped. Nothing is sent before it runs.
pub struct Exporter {
    spans: mpsc::Receiver<SpanData>,
    collector: SpanExporter,
    counter: IntCounterVec,
    failing: bool,
}

/// The collector's client knows its headers, which are secret.
impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").field("failing", &self.failing).finish_non_exhaustive()
    }
}

/// Both ends of the queue. `endpoint` is the collector's origin; `/v1/traces` is added, and each request has `headers`.
/// The process must have installed its TLS provider. `OTEL_RESOURCE_ATTRIBUTES` is read here.
///
/// # Errors
/// No client can be made.
pub fn pipeline(
    endpoint: &Url,
    headers: Headers,
    service: &'static str,
    version: &'static str,
) -> Result<(SpanLayer, Exporter), SetupError> {
    let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy().connect_timeout(CONNECT);
    let client = client.default_headers(headers.into_map()).timeout(DEADLINE).user_agent("postrider");
    let client = client.build().map_err(SetupError::Client)?;
    let builder = SpanExporter::builder().with_http().with_http_client(client).with_protocol(Protocol::HttpBinary);
    let traces = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    // Not repeated: a request that hangs would hold up those after it for as long again.
    let builder = builder.with_retry_policy(RetryPolicy::disabled()).with_endpoint(traces).with_timeout(DEADLINE);
    let mut collector = builder.build().map_err(SetupError::Exporter)?;
    let about = [KeyValue::new("service.namespace", "postrider"), KeyValue::new("service.version", version)];
    collector.set_resource(&Resource::builder().with_service_name(service).with_attributes(about).build());
    let opts =
        Opts::new("postrider_trace_spans_total", "Spans for the collector: exported, failed, or dropped unsent.");
    let counter = IntCounterVec::new(opts, &["outcome"]).map_err(SetupError::Counter)?;
    let (sender, spans) = mpsc::channel(WAITING);
    let layer = SpanLayer::new(sender, counter.with_label_values(&["dropped"]));
    Ok((layer, Exporter { spans, collector, counter, failing: false }))
}

impl Exporter {
    /// How many spans went which way, for the process's metrics.
    pub fn counter(&self) -> &IntCounterVec {
        &self.counter
    }

    /// Sends batches until `stop`, then what is still queued.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::new();
        while !stop.is_cancelled() {
            tokio::select! {
                received = self.spans.recv_many(&mut batch, BATCH) => if received == 0 { return },
                () = stop.cancelled() => break,
            }
            tokio::select! {
                () = fill(&mut self.spans, &mut batch) => {}
                () = tokio::time::sleep(LINGER) => {}
                () = stop.cancelled() => {}
            }
            self.send(std::mem::take(&mut batch)).await;
        }
        while self.take_waiting(&mut batch) {
            self.send(std::mem::take(&mut batch)).await;
        }
    }

    /// What waits, up to a batch of it.
    fn take_waiting(&mut self, batch: &mut Vec<SpanData>) -> bool {
        while batch.len() < BATCH
            && let Ok(span) = self.spans.try_recv()
        {
            batch.push(span);
        }
        !batch.is_empty()
    }

    /// A batch that the collector does not take is gone: the next ones say more about now than this one.
    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = u64::try_from(batch.len()).unwrap_or_default();
        let outcome = match self.collector.export(batch).await {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the collector takes spans again");
                }
                "exported"
            }
            Err(error) => {
                // Said once, until it works again.
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(error = %error, "the collector takes no spans: they are dropped until it does");
                }
                "failed"
            }
        };
        self.counter.with_label_values(&[outcome]).inc_by(count);
    }
}

/// Waits until the batch is full.
async fn fill(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) {
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        if spans.recv_many(batch, room).await == 0 {
            return;
        }
    }
}
