//! Spans to an OpenTelemetry collector: OTLP over HTTP, as protobuf.
//!
//! [`SpanLayer`] makes a span of the collector's of each of ours that has the field `otel.parent`, and puts it into a
//! bounded queue when it ends; a queue that is full drops it and counts that. [`Exporter`] sends what is queued in
//! batches. So a collector that is slow, broken or away costs spans, never work.
//!
//! The fields it reads: `trace_id` (32 hex digits), `otel.id` (the span's own id, as it is told to other services; 0:
//! one is made), `otel.parent` (0: none), `otel.sampled`, `otel.status` (an HTTP status, recorded later). Inside another
//! exported span of the same trace that one is the parent.

mod exporter;
mod headers;
mod layer;

pub use exporter::{Exporter, SetupError, pipeline};
pub use headers::{Headers, NotHeaders};
pub use layer::{SpanLayer, is_exported};
