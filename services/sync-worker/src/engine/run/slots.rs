//! Who may work on a backfill now. Those that were refused come next, in the order in which they asked: a mailbox whose
//! slice is over must not take the slot it just gave back from one that waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use postrider_domain::ConnectorId;

/// A place in the queue is kept for a mailbox that comes back within this time.
const PLACE_KEPT: Duration = Duration::from_secs(45);

/// The backfill slots of one process.
pub struct Slots(Mutex<State>);

struct State {
    free: usize,
    queue: VecDeque<(ConnectorId, Instant)>,
}

/// A slot, free again when dropped.
pub struct Slot<'a>(&'a Slots);

impl Slots {
    pub fn new(slots: usize) -> Self {
        Self(Mutex::new(State { free: slots, queue: VecDeque::new() }))
    }

    /// A slot, or how many wait in front.
    pub fn take(&self, connector: ConnectorId) -> Result<Slot<'_>, usize> {
        self.take_at(connector, Instant::now())
    }

    fn take_at(&self, connector: ConnectorId, now: Instant) -> Result<Slot<'_>, usize> {
        let mut state = self.0.lock();
        state.queue.retain(|(waits, until)| *until > now || *waits == connector);
        let place = state.queue.iter().position(|(waits, _)| *waits == connector);
        let ahead = place.unwrap_or(state.queue.len());
        if ahead < state.free {
            place.and_then(|place| state.queue.remove(place));
            state.free -= 1;
            return Ok(Slot(self));
        }
        match place.and_then(|place| state.queue.get_mut(place)) {
            Some((_, until)) => *until = now + PLACE_KEPT,
            None => state.queue.push_back((connector, now + PLACE_KEPT)),
        }
        Err(ahead)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.0.lock().free += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(n: u128) -> ConnectorId {
        ConnectorId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_slot_goes_to_who_waits_longest_and_not_back_to_who_had_it() {
        let slots = Slots::new(1);
        let first = slots.take(mailbox(1)).ok();
        assert_eq!((slots.take(mailbox(2)).err(), slots.take(mailbox(3)).err()), (Some(0), Some(1)));
        drop(first);
        assert_eq!(slots.take(mailbox(1)).err(), Some(2), "two wait");
        assert_eq!(slots.take(mailbox(3)).err(), Some(1), "it keeps its place, behind the other");
        let second = slots.take(mailbox(2)).ok();
        assert!(second.is_some());
        drop(second);
        let third = slots.take(mailbox(3)).ok();
        assert!(third.is_some());
        drop(third);
        // Mailbox 1 is not heard of any more: its place is not kept for ever.
        assert_eq!(slots.take(mailbox(4)).err(), Some(1));
        assert!(slots.take_at(mailbox(4), Instant::now() + PLACE_KEPT).is_ok());
    }
}
