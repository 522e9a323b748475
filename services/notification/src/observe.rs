//! Internal occurrences (not bus events): one function each, which logs and counts.

use postrider_contracts::Envelope;
use postrider_domain::Timestamp;
use socketioxide::socket::Sid;
use uuid::Uuid;

use crate::actions::Raised;
use crate::jobs::CleanedUp;
use crate::metrics::Metrics;
use crate::rules::Kind;
use crate::rules::webhook::{Attempt, DisabledReason};
use crate::store::log::Entry;

/// A notification was written (its transaction may still fail; the difference does not matter to a rate).
pub fn raised(metrics: &Metrics, kind: Kind) {
    metrics.raised.with_label_values(&[kind.as_str()]).inc();
}

/// An event became a notification.
pub fn event_told(event: &Envelope, raised: &Raised) {
    tracing::debug!(
        event.id = %event.id, notification.id = %raised.id, nseq = raised.nseq, "raised a notification"
    );
}

/// An event is about something its user knows.
pub fn event_told_before(event: &Envelope) {
    tracing::debug!(event.id = %event.id, "the user was told before");
}

/// An event could have notified and did not.
pub fn suppressed(metrics: &Metrics, kind: Kind, reason: &str) {
    metrics.suppressed.with_label_values(&[reason]).inc();
    tracing::debug!(notification.r#type = %kind, reason, "no notification: {reason}");
}

/// A socket was sent an entry of its user's log.
pub fn emitted(metrics: &Metrics, socket: Sid, entry: &Entry, replayed: bool) {
    let how = if replayed { "replayed" } else { "live" };
    metrics.emitted.with_label_values(&[how]).inc();
    let (nseq, name) = (entry.nseq, entry.event.as_str());
    tracing::debug!(socket.id = %socket, nseq, event = name, how, "emitted {name}");
}

/// A socket was sent an entry it was hinted of.
pub fn emitted_from_hint(metrics: &Metrics, written: Timestamp, now: Timestamp) {
    metrics.emit_delay.observe((now - written).as_seconds_f64().max(0.0));
}

/// We ended a socket: `stalled`, `buffer_full`, `encoding`, `dismissed`.
pub fn socket_cut(metrics: &Metrics, reason: &'static str) {
    metrics.cut.with_label_values(&[reason]).inc();
    tracing::info!(reason, "socket closed by us: {reason}");
}

/// A client was told that it did something wrong.
pub fn socket_refused(metrics: &Metrics, code: &'static str) {
    metrics.refused.with_label_values(&[code]).inc();
    tracing::debug!(code, "a socket was refused: {code}");
}

/// Notifications were archived and deleted because their time was over.
pub fn cleaned_up(done: CleanedUp) {
    let CleanedUp { archived, deleted } = done;
    if archived + deleted > 0 {
        tracing::info!(archived, deleted, "archived {archived} notifications and deleted {deleted}");
    }
}

/// A webhook was tried.
pub fn webhook_tried(metrics: &Metrics, attempt: Attempt) {
    let result = attempt.error().unwrap_or("delivered");
    metrics.webhooks.with_label_values(&[result]).inc();
    tracing::debug!(result, status = attempt.status(), "tried a webhook: {result}");
}

/// An endpoint is told nothing any more; its owner was told so.
pub fn endpoint_disabled(id: Uuid, reason: DisabledReason) {
    tracing::info!(endpoint.id = %id, %reason, "disabled webhook endpoint {id}: {reason}");
}

/// Rows beyond the retention were deleted.
pub fn pruned(rows: usize) {
    if rows > 0 {
        tracing::info!(rows, "pruned {rows} rows beyond the retention");
    }
}
