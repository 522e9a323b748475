//! What happened to a push: one function each, which logs and counts. Addresses are logged at debug only.

use postrider_google_auth::pubsub::{Push, Unreadable};
use postrider_google_auth::pull::PullError;
use postrider_google_auth::service_account::TokenError;
use uuid::Uuid;

use crate::confirm::NotConfirmed;
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

/// The broker holds a channel's notice.
pub fn noticed(metrics: &Metrics, channel: Uuid, number: i64) {
    count(metrics, "stored");
    tracing::debug!(channel.id = %channel, number, "notice of channel {channel} stored");
}

/// A channel's first notice.
pub fn channel_works(metrics: &Metrics, channel: Uuid) {
    count(metrics, "sync");
    tracing::info!(channel.id = %channel, "channel {channel} works");
}

/// A notice whose number is not above the last one; nothing was published.
pub fn notice_repeated(metrics: &Metrics, channel: Uuid) {
    count(metrics, "repeated");
    tracing::debug!(channel.id = %channel, "repeated notice of channel {channel}");
}

/// A notice without a number, which no repeat would have.
pub fn notice_unreadable(metrics: &Metrics, channel: Uuid) {
    count(metrics, "unreadable");
    metrics.unreadable.with_label_values(&["message_number"]).inc();
    tracing::warn!(channel.id = %channel, "notice of channel {channel} without a message number dropped");
}

/// A push cannot be read, and no repeat would be better.
pub fn unreadable(metrics: &Metrics, reason: Unreadable) {
    count(metrics, "unreadable");
    metrics.unreadable.with_label_values(&[reason.code()]).inc();
    tracing::warn!(reason = reason.code(), "unreadable push dropped: {reason}");
}

/// A pull was answered.
pub fn pulled(metrics: &Metrics, messages: usize) {
    let outcome = if messages == 0 { "nothing" } else { "messages" };
    metrics.pulls.with_label_values(&[outcome]).inc();
}

/// A call to Pub/Sub failed.
pub fn pull_failed(metrics: &Metrics, error: &PullError) {
    metrics.pulls.with_label_values(&[error.code()]).inc();
    match error {
        PullError::Unavailable(_) | PullError::Token(TokenError::Unavailable(_)) => {
            tracing::warn!(%error, "a call to Pub/Sub failed and is tried again");
        }
        // Somebody must act: a role, a key, or the subscription's name.
        PullError::Refused { .. } | PullError::Token(TokenError::Refused(_)) => {
            tracing::error!(%error, "Pub/Sub refuses: look at PUBSUB_PULL_SUBSCRIPTION, PUBSUB_CREDENTIALS and the account's role");
        }
    }
}

/// A pulled push is not known to be durable: it is held.
pub fn pulled_not_stored(metrics: &Metrics, error: NotConfirmed) {
    let refusal = Refusal::NotStored(error);
    count(metrics, refusal.code());
    tracing::warn!(code = refusal.code(), "pulled push held: {refusal}");
}

/// Pulled pushes went back to Pub/Sub: the broker did not take them in time, or the service stops.
pub fn given_back(metrics: &Metrics, pushes: usize) {
    metrics.pushes.with_label_values(&["given_back"]).inc_by(u64::try_from(pushes).unwrap_or(0));
    tracing::warn!(pushes, "{pushes} pulled pushes are given back to Pub/Sub");
}

/// A push is not taken.
pub fn refused(metrics: &Metrics, refusal: Refusal) {
    count(metrics, refusal.code());
    tracing::warn!(code = refusal.code(), "push refused: {refusal}");
}

fn count(metrics: &Metrics, outcome: &str) {
    metrics.pushes.with_label_values(&[outcome]).inc();
}
