//! Events the database refused when they were pulled: nobody counts their attempts, as the broker does for deliveries.

use std::collections::HashMap;

use chrono::TimeDelta;
use parking_lot::Mutex;
use postrider_domain::{EventId, Timestamp};

/// How long an event is tried again: a migration that is under way, or a race, has ended by then. Deliveries are given
/// up after about as long.
const PATIENCE: TimeDelta = TimeDelta::minutes(20);
/// Events remembered; beyond it the memory starts over, which only costs tries.
const MAX: usize = 10_000;

/// When each was refused first, in this process.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<EventId, Timestamp>>);

impl Refusals {
    /// Notes a refusal; says whether the event is given up.
    pub fn is_given_up(&self, event: EventId, now: Timestamp) -> bool {
        let mut refused = self.0.lock();
        if refused.len() >= MAX {
            refused.clear();
        }
        now - *refused.entry(event).or_insert(now) >= PATIENCE
    }

    pub fn forget(&self, event: EventId) {
        self.0.lock().remove(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_given_up_after_twenty_minutes() {
        let (refusals, start) = (Refusals::default(), Timestamp::default());
        let (one, two) = (EventId(uuid::Uuid::from_u128(1)), EventId(uuid::Uuid::from_u128(2)));
        assert!(!refusals.is_given_up(one, start));
        assert!(!refusals.is_given_up(one, start + PATIENCE / 2));
        assert!(!refusals.is_given_up(two, start + PATIENCE));
        assert!(refusals.is_given_up(one, start + PATIENCE));
        refusals.forget(one);
        assert!(!refusals.is_given_up(one, start + PATIENCE));
    }
}
