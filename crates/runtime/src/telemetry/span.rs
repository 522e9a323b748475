//! The three spans work happens in. They carry the trace id, and what the work is about, to every line inside; the fields
//! that begin with `otel.` are for the collector of traces alone (`postrider_otlp` says what they mean).

use postrider_contracts::TraceContext;
use tracing::Span;
use tracing::field::Empty;

/// An HTTP request: the span that `trace` names to others, inside the caller's. `status` and `duration_ms` belong to its
/// one access line, not to the span.
pub fn request(trace: TraceContext, parent: Option<u64>, request_id: &str, method: &str, route: &str) -> Span {
    tracing::info_span!(
        "request",
        trace_id = %trace.trace_id_hex(),
        otel.id = trace.span_id,
        otel.parent = parent.unwrap_or_default(),
        otel.sampled = trace.sampled && !is_probe(route),
        otel.status = Empty,
        request_id,
        method,
        route
    )
}

/// Says with which status a request's span ends.
pub fn answered(span: &Span, status: u16) {
    span.record("otel.status", u64::from(status));
}

/// A delivery from a queue, under the trace of the event that came (a new one if it had none).
pub fn consume(queue: &'static str, trace: TraceContext) -> Span {
    tracing::info_span!(
        "consume",
        trace_id = %trace.trace_id_hex(),
        otel.id = 0_u64,
        otel.parent = trace.span_id,
        otel.sampled = trace.sampled,
        queue
    )
}

/// A batch of deliveries: under their trace if they have only one.
pub fn of_batch(queue: &'static str, traces: impl IntoIterator<Item = Option<TraceContext>>) -> Span {
    let mut traces = traces.into_iter();
    let first = traces.next().flatten();
    let id = |trace: Option<TraceContext>| trace.map(|trace| trace.trace_id);
    match first {
        Some(trace) if traces.all(|other| id(other) == id(first)) => consume(queue, trace),
        _ => tracing::info_span!("consume", queue),
    }
}

/// A run of a timed or requested job, under the trace that asked for it.
pub fn job(name: &'static str, trace: TraceContext) -> Span {
    tracing::info_span!(
        "job",
        trace_id = %trace.trace_id_hex(),
        otel.id = 0_u64,
        otel.parent = trace.span_id,
        otel.sampled = trace.sampled,
        job = name
    )
}

/// A run of a job that nobody asked for: `trace` begins with it.
pub fn first(name: &'static str, trace: TraceContext) -> Span {
    tracing::info_span!(
        "job",
        trace_id = %trace.trace_id_hex(),
        otel.id = trace.span_id,
        otel.parent = 0_u64,
        otel.sampled = trace.sampled,
        job = name
    )
}

/// Probes come every few seconds for ever.
pub fn is_probe(route: &str) -> bool {
    route.starts_with("/health") || route == "/metrics"
}
