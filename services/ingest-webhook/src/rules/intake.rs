//! What a readable push becomes.

use postrider_contracts::ingest::MailboxChanged;
use postrider_contracts::{Envelope, TraceContext};
use postrider_domain::{EventId, Timestamp};
use postrider_google_auth::pubsub::Push;

/// `source` of pushes that came by Pub/Sub.
const PUBSUB: &str = "pubsub";

/// Whether the push comes from the subscription that is ours. A push that names none (an unwrapped one without
/// metadata) cannot be told apart and counts: its token was for us.
pub fn is_ours(push: &Push, subscription: Option<&str>) -> bool {
    match (subscription, push.subscription.as_deref()) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => true,
    }
}

/// What makes two pushes the same push. Ids are unique for a topic only, so the content is part of it.
pub fn key(push: &Push) -> String {
    format!("{}\n{}\n{}", push.source_message_id, push.history_id, push.address)
}

/// The event: no tenant, no connector; sync-worker knows whose address it is.
pub fn event(push: &Push, id: EventId, now: Timestamp, trace: TraceContext) -> Envelope {
    let changed = MailboxChanged {
        email_address: push.address.as_str().to_owned(),
        history_id: push.history_id.0,
        source_message_id: push.source_message_id.clone(),
        published_at_ms: push.publish_time.map_or(0, |time| time.timestamp_millis()),
        source: PUBSUB.to_owned(),
    };
    Envelope::of(id, now, &changed).traced(Some(trace))
}

#[cfg(test)]
mod tests {
    use postrider_domain::{EmailAddress, HistoryId};

    use super::*;

    fn push(subscription: Option<&str>) -> Push {
        Push {
            address: EmailAddress::parse("ann@example.com").unwrap(),
            history_id: HistoryId(7),
            source_message_id: "m1".into(),
            publish_time: None,
            subscription: subscription.map(Into::into),
            delivery_attempt: None,
        }
    }

    #[test]
    fn only_the_named_subscription_counts() {
        assert!(is_ours(&push(Some("projects/p/subscriptions/s")), Some("projects/p/subscriptions/s")));
        assert!(!is_ours(&push(Some("projects/p/subscriptions/other")), Some("projects/p/subscriptions/s")));
        assert!(is_ours(&push(Some("projects/p/subscriptions/any")), None));
        assert!(is_ours(&push(None), Some("projects/p/subscriptions/s")));
    }

    #[test]
    fn the_same_id_with_other_content_is_another_push() {
        let other = Push { history_id: HistoryId(8), ..push(None) };
        assert_ne!(key(&push(None)), key(&other));
        assert_eq!(key(&push(None)), key(&push(Some("x"))));
    }
}
