//! What happened to a push: one metric and one line each. Addresses are logged at debug only.

use postrider_google_auth::pubsub::{Push, Unreadable};

use crate::error::Refusal;
use crate::metrics::Metrics;

/// The end of a push.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// The broker holds it.
    Stored(&'a Push),
    /// It was stored a moment ago; nothing was published.
    Repeated(&'a Push),
    /// From another subscription than ours.
    Foreign(&'a Push),
    Unreadable(Unreadable),
    Refused(Refusal),
}

impl Outcome<'_> {
    pub fn emit(self, metrics: &Metrics) {
        let outcome = match self {
            Self::Stored(push) => {
                tracing::debug!(
                    source_message_id = push.source_message_id,
                    address = %push.address,
                    history_id = %push.history_id,
                    "push stored"
                );
                "stored"
            }
            Self::Repeated(push) => {
                tracing::debug!(source_message_id = push.source_message_id, "repeated push");
                "repeated"
            }
            Self::Foreign(push) => {
                let subscription = push.subscription.as_deref().unwrap_or_default();
                tracing::warn!(subscription, "push of another subscription dropped (PUBSUB_SUBSCRIPTION names ours)");
                "foreign"
            }
            Self::Unreadable(reason) => {
                metrics.unreadable.with_label_values(&[reason.code()]).inc();
                tracing::warn!(reason = reason.code(), "unreadable push dropped: {reason}");
                "unreadable"
            }
            Self::Refused(refusal) => {
                tracing::warn!(code = refusal.code(), "push refused: {refusal}");
                refusal.code()
            }
        };
        metrics.pushes.with_label_values(&[outcome]).inc();
    }
}
