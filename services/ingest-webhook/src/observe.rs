//! What happened to a push: one function each, which logs and counts. Addresses are logged at debug only.

use postrider_google_auth::pubsub::{Push, Unreadable};

use crate::error::Refusal;
use crate::metrics::Metrics;

/// Nobody may push: the account that signs pushes is not named.
pub fn sender_unknown() {
    tracing::warn!("PUBSUB_SERVICE_ACCOUNT is not set: every push is refused");
}

/// The broker holds a push.
pub fn stored(metrics: &Metrics, push: &Push) {
    count(metrics, "stored");
    tracing::debug!(
        source_message_id = push.source_message_id,
        address = %push.address,
        history_id = %push.history_id,
        "push stored"
    );
}

/// A push was stored a moment ago; nothing was published.
pub fn repeated(metrics: &Metrics, push: &Push) {
    count(metrics, "repeated");
    tracing::debug!(source_message_id = push.source_message_id, "repeated push");
}

/// A push is from another subscription than ours.
pub fn foreign(metrics: &Metrics, push: &Push) {
    count(metrics, "foreign");
    let subscription = push.subscription.as_deref().unwrap_or_default();
    tracing::warn!(subscription, "push of another subscription dropped (PUBSUB_SUBSCRIPTION names ours)");
}

/// A push cannot be read, and no repeat would be better.
pub fn unreadable(metrics: &Metrics, reason: Unreadable) {
    count(metrics, "unreadable");
    metrics.unreadable.with_label_values(&[reason.code()]).inc();
    tracing::warn!(reason = reason.code(), "unreadable push dropped: {reason}");
}

/// A push is not taken.
pub fn refused(metrics: &Metrics, refusal: Refusal) {
    count(metrics, refusal.code());
    tracing::warn!(code = refusal.code(), "push refused: {refusal}");
}

fn count(metrics: &Metrics, outcome: &str) {
    metrics.pushes.with_label_values(&[outcome]).inc();
}
