//! The broker's whole topology as one table. Every process declares all of it on each connect.

/// Topic exchange all events go through.
pub const EVENTS_EXCHANGE: &str = "postrider.events";
/// Fanout exchange behind the alternate-exchange argument: what no binding wanted.
pub const UNROUTED_EXCHANGE: &str = "postrider.unrouted";
/// Topic exchange of transient hints between replicas (`live.<tenant hash>`); nothing durable rides on it.
pub const LIVE_EXCHANGE: &str = "postrider.live";
/// Direct exchange retries and dead letters go through.
pub const RETRY_EXCHANGE: &str = "postrider.retry";
/// Durable queue behind [`UNROUTED_EXCHANGE`]; its depth is alarmed.
pub const UNROUTED_QUEUE: &str = "postrider.unrouted";

/// A waiting room of a queue: a queue whose own TTL sends its messages back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryTier {
    /// Suffix of the queue name: `<queue>.retry.<suffix>`.
    pub suffix: &'static str,
    /// How long a message waits, in milliseconds.
    pub ttl_ms: u32,
}

/// Tiers, shortest first. A retry takes the first tier that waits at least as long as it asked for.
pub const RETRY_TIERS: [RetryTier; 3] = [
    RetryTier { suffix: "10s", ttl_ms: 10_000 },
    RetryTier { suffix: "1m", ttl_ms: 60_000 },
    RetryTier { suffix: "10m", ttl_ms: 600_000 },
];

/// A durable quorum queue of one consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// `<service>.<purpose>`.
    pub name: &'static str,
    /// Binding keys on [`EVENTS_EXCHANGE`].
    pub bindings: &'static [&'static str],
    /// Longest backlog, in messages.
    pub max_length: u32,
    /// What happens beyond it.
    pub overflow: Overflow,
}

/// What a full queue does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Refuses the publish: the event waits in its outbox. Needed for at-least-once dead lettering.
    RejectPublish,
    /// Drops the oldest message: for queues that nobody inside depends on. No dead-lettering, no retry tiers.
    DropOldest,
}

impl Queue {
    /// Name of a retry tier's queue.
    pub fn retry_name(&self, tier: RetryTier) -> String {
        format!("{}.retry.{}", self.name, tier.suffix)
    }

    /// Name of the dead-letter queue.
    pub fn dead_name(&self) -> String {
        format!("{}.dead", self.name)
    }
}

/// Pushes, to the service that syncs.
pub const SYNC_WORKER_MAILBOX_CHANGED: Queue = Queue {
    name: "sync-worker.mailbox-changed",
    bindings: &["mailbox.changed.v1"],
    max_length: 1_000_000,
    overflow: Overflow::RejectPublish,
};
/// Accounts and watches, to the service that syncs.
pub const SYNC_WORKER_CONNECTOR: Queue = Queue {
    name: "sync-worker.connector",
    bindings: &["connector.*.v1", "watch.*.v1"],
    max_length: 1_000_000,
    overflow: Overflow::RejectPublish,
};
/// Pushes, to the service that shows when an account last heard from Google.
pub const CONNECTOR_MAILBOX_CHANGED: Queue = Queue {
    name: "connector.mailbox-changed",
    bindings: &["mailbox.changed.v1"],
    max_length: 1_000_000,
    overflow: Overflow::RejectPublish,
};
/// Accounts and watches, to notification's projection.
pub const NOTIFICATION_CONNECTOR: Queue = Queue {
    name: "notification.connector",
    bindings: &["connector.*.v1", "watch.*.v1"],
    max_length: 1_000_000,
    overflow: Overflow::RejectPublish,
};
/// All of a mailbox's stream, to notification: one queue, because one stream has one head for each consumer.
pub const NOTIFICATION_MAILBOX: Queue = Queue {
    name: "notification.mailbox",
    bindings: &["email.*.v1", "sync.*.v1", "attachment.*.v1", "quota.*.v1", "mailbox.coverage.v1"],
    max_length: 1_000_000,
    overflow: Overflow::RejectPublish,
};
/// What notification itself publishes has no consumer inside; this queue keeps it for outside consumers a while, so
/// that a publish is never unroutable. Oldest messages are dropped here: the feed and the outbox hold them.
pub const OUTSIDE_NOTIFICATION: Queue = Queue {
    name: "outside.notification",
    bindings: &["trigger.fired.v1", "notification.created.v1", "notification.updated.v1"],
    max_length: 10_000,
    overflow: Overflow::DropOldest,
};

/// Every exchange and queue, for declaring, checking and purging.
#[derive(Debug, Clone, Copy)]
pub struct Topology {
    pub queues: &'static [Queue],
}

impl Topology {
    /// The topology of this version.
    pub const CURRENT: Self = Self {
        queues: &[
            SYNC_WORKER_MAILBOX_CHANGED,
            SYNC_WORKER_CONNECTOR,
            CONNECTOR_MAILBOX_CHANGED,
            NOTIFICATION_CONNECTOR,
            NOTIFICATION_MAILBOX,
            OUTSIDE_NOTIFICATION,
        ],
    };

    /// All queue names: main, retry tiers and dead letters of those that have them, unrouted.
    pub fn queue_names(&self) -> Vec<String> {
        let mut names = vec![UNROUTED_QUEUE.to_owned()];
        for queue in self.queues {
            names.push(queue.name.to_owned());
            if queue.overflow == Overflow::RejectPublish {
                names.extend(RETRY_TIERS.iter().map(|tier| queue.retry_name(*tier)));
                names.push(queue.dead_name());
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CATALOG;

    fn matches(pattern: &str, key: &str) -> bool {
        let (pattern, key): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), key.split('.').collect());
        pattern.len() == key.len() && pattern.iter().zip(&key).all(|(p, k)| *p == "*" || p == k)
    }

    #[test]
    fn every_event_has_a_queue() {
        for event in CATALOG.iter() {
            let bound = Topology::CURRENT.queues.iter().any(|q| q.bindings.iter().any(|b| matches(b, event.name)));
            assert!(bound, "{} reaches no queue", event.name);
        }
    }
}
