//! The `topology` command: prints the broker's exchanges, queues and bindings that every process declares.

use std::fmt::Write;

use postrider_contracts::topology::{LIVE_EXCHANGE, RETRY_EXCHANGE, UNROUTED_QUEUE};
use postrider_contracts::{EVENTS_EXCHANGE, RETRY_TIERS, Topology, UNROUTED_EXCHANGE};

/// The topology as text.
pub(crate) fn render(topology: &Topology) -> String {
    let mut text = String::new();
    let _infallible = write!(
        text,
        "exchanges\n  {EVENTS_EXCHANGE} (topic, alternate {UNROUTED_EXCHANGE})\n  {UNROUTED_EXCHANGE} (fanout → {UNROUTED_QUEUE})\n  \
         {RETRY_EXCHANGE} (direct)\n  {LIVE_EXCHANGE} (topic, transient)\n\nqueues\n"
    );
    for queue in topology.queues {
        let _infallible = writeln!(
            text,
            "  {} ← {} (at most {}, then {:?})",
            queue.name,
            queue.bindings.join(", "),
            queue.max_length,
            queue.overflow
        );
        for tier in RETRY_TIERS {
            let _infallible = writeln!(text, "    {} (back after {} ms)", queue.retry_name(tier), tier.ttl_ms);
        }
        let _infallible = writeln!(text, "    {}", queue.dead_name());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_queue() {
        let text = render(&Topology::CURRENT);
        for name in Topology::CURRENT.queue_names() {
            assert!(text.contains(&name), "{name}");
        }
    }
}
