//! Internal occurrences (not bus events): one struct each, whose `emit` logs and counts.

use crate::metrics::Metrics;
use crate::rules::Kind;

/// An event could have notified and did not.
pub struct Suppressed<'a> {
    pub kind: Kind,
    pub reason: &'a str,
}

impl Suppressed<'_> {
    pub fn emit(&self, metrics: &Metrics) {
        metrics.suppressed.with_label_values(&[self.reason]).inc();
        tracing::debug!(notification.r#type = %self.kind, reason = self.reason, "no notification: {}", self.reason);
    }
}

/// We ended a socket.
pub struct SocketCut {
    /// `stalled`, `buffer_full`, `encoding`, `dismissed`.
    pub reason: &'static str,
}

impl SocketCut {
    pub fn emit(&self, metrics: &Metrics) {
        metrics.cut.with_label_values(&[self.reason]).inc();
        tracing::info!(reason = self.reason, "socket closed by us: {}", self.reason);
    }
}

/// A client was told that it did something wrong.
pub struct SocketRefused {
    pub code: &'static str,
}

impl SocketRefused {
    pub fn emit(&self, metrics: &Metrics) {
        metrics.refused.with_label_values(&[self.code]).inc();
        tracing::debug!(code = self.code, "a socket was refused: {}", self.code);
    }
}
