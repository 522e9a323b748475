//! The three spans work happens in. They carry the trace id, and what the work is about, to every line inside.

use postrider_contracts::TraceContext;
use tracing::Span;

/// An HTTP request. `status` and `duration_ms` belong to its one access line, not to the span.
pub fn request(trace: TraceContext, request_id: &str, method: &str, route: &str) -> Span {
    tracing::info_span!("request", trace_id = %trace.trace_id_hex(), request_id, method, route)
}

/// A delivery from a queue, under the trace of the event that came (a new one if it had none).
pub fn consume(queue: &'static str, trace: TraceContext) -> Span {
    tracing::info_span!("consume", trace_id = %trace.trace_id_hex(), queue)
}

/// A run of a timed or requested job.
pub fn job(name: &'static str, trace: TraceContext) -> Span {
    tracing::info_span!("job", trace_id = %trace.trace_id_hex(), job = name)
}
