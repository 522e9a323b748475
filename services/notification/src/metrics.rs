//! Prometheus handles of the service, built once.

use postrider_runtime::telemetry::metrics::{SECONDS, counter, counter_vec, gauge, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Registry};

/// All metrics of the service but those of storage, broker and web.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub raised: IntCounterVec,
    pub suppressed: IntCounterVec,
    /// Sockets that are authenticated.
    pub sockets: IntGauge,
    pub emitted: IntCounterVec,
    /// Times a session read rows because a number was missing or hints were lost.
    pub gaps: IntCounter,
    /// Emits that found a socket's buffer full and waited.
    pub buffer_full: IntCounter,
    pub cut: IntCounterVec,
    pub refused: IntCounterVec,
    pub webhooks: IntCounterVec,
    pub pushes: IntCounterVec,
    pub mails: IntCounterVec,
    /// Readers of the feed that wait or stream.
    pub feed_readers: IntGauge,
    /// From the writing of an entry (by its writer's clock) to its emit.
    pub emit_delay: Histogram,
}

impl Metrics {
    /// Registers everything.
    pub fn new(registry: &Registry) -> Self {
        Self {
            raised: counter_vec(
                registry,
                "postrider_notifications_raised_total",
                "Notifications written, by type.",
                &["type"],
            ),
            suppressed: counter_vec(
                registry,
                "postrider_notifications_suppressed_total",
                "Events that could have notified and did not, by reason.",
                &["reason"],
            ),
            sockets: gauge(registry, "postrider_sockets", "Authenticated Socket.IO sockets of this replica."),
            emitted: counter_vec(
                registry,
                "postrider_socket_events_total",
                "Events emitted to sockets, live or replayed.",
                &["how"],
            ),
            gaps: counter(
                registry,
                "postrider_socket_gaps_total",
                "Times a socket session read rows because a number was missing.",
            ),
            buffer_full: counter(
                registry,
                "postrider_socket_buffer_full_total",
                "Emits that found a socket's buffer full and waited.",
            ),
            cut: counter_vec(
                registry,
                "postrider_sockets_cut_total",
                "Sockets that were cut, by us or for taking nothing by the kernel, by reason.",
                &["reason"],
            ),
            refused: counter_vec(
                registry,
                "postrider_socket_errors_total",
                "Error events sent to sockets, by code.",
                &["code"],
            ),
            feed_readers: gauge(registry, "postrider_feed_readers", "Readers of the event feed that wait or stream."),
            webhooks: counter_vec(
                registry,
                "postrider_webhook_attempts_total",
                "Attempts to deliver a webhook, by what came of them.",
                &["result"],
            ),
            mails: counter_vec(
                registry,
                "postrider_mail_attempts_total",
                "Attempts to send a mail, by what came of them; `kept_doubtful` counts mails of which it stays unknown how often they arrived.",
                &["result"],
            ),
            pushes: counter_vec(
                registry,
                "postrider_push_attempts_total",
                "Attempts to push to a browser, by what came of them.",
                &["result"],
            ),
            emit_delay: histogram(
                registry,
                "postrider_socket_emit_delay_seconds",
                "From the writing of an entry to its emit at a socket that was told of it.",
                SECONDS,
            ),
        }
    }
}
