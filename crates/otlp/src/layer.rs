//! Our spans as a collector's.

use std::fmt;
use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use postrider_domain::{Clock as _, Entropy as _, OsEntropy, SystemClock};
use prometheus::IntCounter;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The field that makes a span one for the collector.
const MARK: &str = "otel.parent";

/// Whether a span is for the collector; the filter of [`SpanLayer`].
pub fn is_exported(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.fields().field(MARK).is_some()
}

/// Queues spans as they end. Never waits.
#[derive(Debug)]
pub struct SpanLayer {
    ended: mpsc::Sender<SpanData>,
    dropped: IntCounter,
}

/// A span that has not ended.
struct Open {
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    parent_is_remote: bool,
    began: SystemTime,
    fields: Fields,
}

/// What a span says of itself.
#[derive(Default)]
struct Fields {
    trace: Option<TraceId>,
    id: u64,
    parent: u64,
    sampled: Option<bool>,
    status: Option<u64>,
    others: Vec<(&'static str, String)>,
}

impl SpanLayer {
    pub(crate) fn new(ended: mpsc::Sender<SpanData>, dropped: IntCounter) -> Self {
        Self { ended, dropped }
    }
}

impl<S> Layer<S> for SpanLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let (Some(span), Some(trace)) = (cx.span(id), fields.trace) else { return };
        if fields.sampled == Some(false) {
            return;
        }
        let enclosing = span.scope().skip(1).find_map(|outer| {
            outer.extensions().get::<Open>().filter(|outer| outer.trace == trace).map(|outer| outer.id)
        });
        let own = match fields.id {
            0 => any_id(),
            told => told,
        };
        let open = Open {
            trace,
            id: SpanId::from(own),
            parent: enclosing.unwrap_or_else(|| SpanId::from(fields.parent)),
            parent_is_remote: enclosing.is_none(),
            began: SystemClock.now().into(),
            fields,
        };
        span.extensions_mut().replace(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            values.record(&mut open.fields);
        }
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        let Some(span) = cx.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        if self.ended.try_send(open.ended(span.name())).is_err() {
            self.dropped.inc();
        }
    }
}

impl Open {
    fn ended(self, kind: &'static str) -> SpanData {
        let status = match self.fields.status {
            Some(500..) => Status::error(""),
            _ => Status::Unset,
        };
        let mut attributes: Vec<_> =
            self.fields.others.iter().map(|(name, value)| KeyValue::new(named(name), value.clone())).collect();
        if let Some(status) = self.fields.status.and_then(|status| i64::try_from(status).ok()) {
            attributes.push(KeyValue::new("http.response.status_code", status));
        }
        SpanData {
            span_context: SpanContext::new(self.trace, self.id, TraceFlags::SAMPLED, false, TraceState::NONE),
            parent_span_id: self.parent,
            parent_span_is_remote: self.parent_is_remote,
            span_kind: match kind {
                "request" => SpanKind::Server,
                "consume" => SpanKind::Consumer,
                _ => SpanKind::Internal,
            },
            name: self.fields.title(kind).into(),
            start_time: self.began,
            end_time: SystemClock.now().into(),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: InstrumentationScope::builder("postrider").build(),
        }
    }
}

impl Fields {
    /// `GET /api/v1/emails`, `consume notification.mailbox`, `job live_pass`: few different ones.
    fn title(&self, kind: &'static str) -> String {
        let value = |name: &str| self.others.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        match (value("method"), value("route").or(value("queue")).or(value("job"))) {
            (Some(method), Some(what)) => format!("{method} {what}"),
            (_, Some(what)) => format!("{kind} {what}"),
            (_, None) => kind.to_owned(),
        }
    }

    fn number(&mut self, field: &Field, value: u64) {
        match field.name() {
            "otel.id" => self.id = value,
            MARK => self.parent = value,
            "otel.status" => self.status = Some(value),
            name => self.others.push((name, value.to_string())),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "trace_id" => self.trace = TraceId::from_hex(value).ok().filter(|id| *id != TraceId::INVALID),
            name => self.others.push((name, value.to_owned())),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.number(field, value),
            Err(_) => self.others.push((field.name(), value.to_string())),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "otel.sampled" => self.sampled = Some(value),
            name => self.others.push((name, value.to_string())),
        }
    }
}

/// Our names where OpenTelemetry has words of its own.
fn named(name: &'static str) -> &'static str {
    match name {
        "method" => "http.request.method",
        "route" => "http.route",
        "queue" => "messaging.destination.name",
        other => other,
    }
}

fn any_id() -> u64 {
    let mut bytes = [0; 8];
    OsEntropy.fill(&mut bytes);
    u64::from_be_bytes(bytes).max(1)
}
