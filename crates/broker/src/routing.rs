//! Which queues want an event, where no broker decides it.

use postrider_contracts::{Queue, Topology};

/// Every queue with a binding that matches.
pub(crate) fn queues_of(event_type: &str) -> impl Iterator<Item = &'static Queue> {
    let wants = |queue: &&Queue| queue.bindings.iter().any(|pattern| matches(pattern, event_type));
    Topology::CURRENT.queues.iter().filter(wants)
}

/// Topic matching with `*` for one word, as our bindings use it.
fn matches(pattern: &str, key: &str) -> bool {
    let (mut pattern, mut key) = (pattern.split('.'), key.split('.'));
    loop {
        match (pattern.next(), key.next()) {
            (None, None) => return true,
            (Some(wanted), Some(word)) if wanted == "*" || wanted == word => {}
            _ => return false,
        }
    }
}
