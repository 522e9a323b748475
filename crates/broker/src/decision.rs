//! From a verdict to what is done with the message: the one place that knows tiers, limits and dead letters.

use postrider_contracts::{Overflow, Queue, RETRY_TIERS, RetryTier};

use crate::batch::Verdict;
use crate::handler::Outcome;

/// A message that asks for a retry in this attempt becomes a dead letter instead. With the tiers of `contracts` a
/// message that always asks for the shortest wait is given up after two minutes, for the longest after two hours.
pub const MAX_ATTEMPTS: u32 = 12;

/// What is done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// Acknowledge it.
    Ack,
    /// Reject it, to be delivered again at once; the queue's delivery limit counts.
    Requeue,
    /// Publish a copy, acknowledge the message once the copy is confirmed.
    Copy(CopyTo),
}

/// Where a copy goes and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyTo {
    /// Name of a retry tier's queue or the dead-letter queue.
    pub queue: String,
    /// The attempt number the copy will be delivered with.
    pub attempt: u32,
    /// Set on dead letters only.
    pub reason: Option<String>,
}

/// Decides what happens to a message that was delivered for the given attempt.
pub(crate) fn settle(queue: &Queue, attempt: u32, verdict: Verdict) -> Settlement {
    match verdict {
        Verdict::Decided(Outcome::Done) => Settlement::Ack,
        Verdict::Crashed => Settlement::Requeue,
        Verdict::Decided(Outcome::DeadLetter { reason }) => dead_letter(queue, attempt, reason),
        Verdict::Decided(Outcome::Retry { .. }) if queue.overflow == Overflow::DropOldest => Settlement::Requeue,
        Verdict::Decided(Outcome::Retry { .. }) if attempt >= MAX_ATTEMPTS => {
            dead_letter(queue, attempt, format!("given up after {attempt} attempts"))
        }
        Verdict::Decided(Outcome::Retry { after }) => {
            let [.., longest] = RETRY_TIERS;
            let waits = |tier: &RetryTier| u128::from(tier.ttl_ms) >= after.as_millis();
            let tier = RETRY_TIERS.into_iter().find(waits).unwrap_or(longest);
            Settlement::Copy(CopyTo { queue: queue.retry_name(tier), attempt: attempt.saturating_add(1), reason: None })
        }
    }
}

/// To the dead letters; a queue without them (nobody inside depends on it) just lets go.
pub(crate) fn dead_letter(queue: &Queue, attempt: u32, reason: String) -> Settlement {
    if queue.overflow == Overflow::DropOldest {
        tracing::error!(queue = queue.name, %reason, "dropped: this queue has no dead letters");
        return Settlement::Ack;
    }
    Settlement::Copy(CopyTo { queue: queue.dead_name(), attempt, reason: Some(reason) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use postrider_contracts::topology::{OUTSIDE_NOTIFICATION, SYNC_WORKER_CONNECTOR};

    use super::*;

    fn retry(seconds: u64, attempt: u32) -> Settlement {
        let after = Duration::from_secs(seconds);
        settle(&SYNC_WORKER_CONNECTOR, attempt, Verdict::Decided(Outcome::Retry { after }))
    }

    #[test]
    fn a_retry_takes_the_first_tier_that_waits_long_enough() {
        for (seconds, tier) in [(0, "10s"), (10, "10s"), (11, "1m"), (60, "1m"), (61, "10m"), (86_400, "10m")] {
            let queue = format!("sync-worker.connector.retry.{tier}");
            assert_eq!(retry(seconds, 1), Settlement::Copy(CopyTo { queue, attempt: 2, reason: None }), "{seconds}");
        }
    }

    #[test]
    fn the_last_attempt_ends_in_the_dead_letters() {
        let Settlement::Copy(copy) = retry(1, MAX_ATTEMPTS) else { panic!("not a copy") };
        assert_eq!(copy.queue, "sync-worker.connector.dead");
        assert_eq!(copy.reason.as_deref(), Some("given up after 12 attempts"));
    }

    #[test]
    fn a_queue_without_dead_letters_gets_no_copies() {
        let dead = Verdict::Decided(Outcome::DeadLetter { reason: "no".into() });
        assert_eq!(settle(&OUTSIDE_NOTIFICATION, 1, dead), Settlement::Ack);
        let again = Verdict::Decided(Outcome::Retry { after: Duration::ZERO });
        assert_eq!(settle(&OUTSIDE_NOTIFICATION, 1, again), Settlement::Requeue);
    }
}
