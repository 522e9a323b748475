//! Internal occurrences (not bus events): one function each, which logs and counts.

use postrider_contracts::Envelope;
use postrider_domain::Timestamp;
use postrider_web::ClientError;
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

/// We ended a socket (`stalled`, `buffer_full`, `encoding`, `dismissed`), or the kernel did for us (`timed_out`).
pub fn socket_cut(metrics: &Metrics, reason: &'static str) {
    metrics.cut.with_label_values(&[reason]).inc();
    tracing::info!(reason, "socket cut: {reason}");
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

/// A browser's push service was tried.
pub fn push_tried(metrics: &Metrics, attempt: Attempt) {
    let result = match (attempt.status(), attempt.error()) {
        (Some(401 | 403), _) => "key_refused",
        (Some(404 | 410), _) => "gone",
        (_, error) => error.unwrap_or("delivered"),
    };
    metrics.pushes.with_label_values(&[result]).inc();
    tracing::debug!(result, status = attempt.status(), "tried a push: {result}");
}

/// A push service does not take our key: somebody must look at `VAPID_PRIVATE_KEY` and `VAPID_SUBJECT`.
pub fn push_key_refused(endpoint: &str, status: Option<i32>) {
    let host = endpoint.split('/').nth(2).unwrap_or_default();
    tracing::error!(push.host = host, status, "the push service at {host} refuses our VAPID key");
}

/// A push service does not know a browser any more.
pub fn browser_forgotten(id: Uuid, status: Option<i32>) {
    tracing::info!(subscription.id = %id, status, "forgot push subscription {id}: its push service does not know it");
}

/// A mail was tried.
pub fn mail_tried(metrics: &Metrics, attempt: crate::rules::mail_attempt::Attempt) {
    let result = attempt.error().unwrap_or("delivered");
    metrics.mails.with_label_values(&[result]).inc();
    tracing::debug!(result, code = attempt.code(), "tried a mail: {result}");
}

/// A mail may have arrived twice, or once, or not at all: nobody knows but its reader, by the Message-ID.
pub fn mail_doubtful(metrics: &Metrics, message_id: &str) {
    metrics.mails.with_label_values(&["kept_doubtful"]).inc();
    tracing::warn!(mail.message_id = message_id, "a mail is doubtful: it was sent, and no answer came: {message_id}");
}

/// A digest was closed.
pub fn digest_made(count: usize) {
    tracing::debug!(notifications = count, "made a digest of {count} notifications");
}

/// A mail was not looked into for a trigger, however often it was tried.
pub fn check_given_up(trigger: Uuid, email_id: &str, error: &ClientError) {
    tracing::error!(trigger.id = %trigger, email.id = email_id, %error, "gave up looking into mail {email_id}");
}

/// What was told of a mail was taken back.
pub fn withdrawn(reason: &'static str, kept_back: usize) {
    tracing::debug!(reason, deliveries = kept_back, "took a notification back: {reason}");
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
