//! Who may work on a backfill now. Those that were refused come next, in the order in which they asked: a mailbox whose
//! slice is over must not take the slot it just gave back from one that waits; while none waits, it keeps it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use postrider_domain::ConnectorId;

use crate::engine::parts::Settings;

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

    fn is_wanted_at(&self, now: Instant) -> bool {
        self.0.lock().queue.iter().any(|(_, until)| *until > now)
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

impl Slot<'_> {
    /// Whether another mailbox waits for one.
    fn is_wanted(&self) -> bool {
        self.0.is_wanted_at(Instant::now())
    }
}

/// How long a backfill works before it gives its slot, and its lease, back.
pub struct Turn<'s> {
    slot: Slot<'s>,
    slice_until: Instant,
    until: Instant,
}

impl<'s> Turn<'s> {
    /// Begins now.
    pub fn begin(slot: Slot<'s>, settings: &Settings) -> Self {
        let now = Instant::now();
        Self { slot, slice_until: now + settings.backfill_slice, until: now + settings.backfill_turn }
    }

    /// To give way costs a pause: the pages under way are waited for, and the listing is read anew. It is made for somebody.
    pub fn is_over(&self) -> bool {
        let now = Instant::now();
        now >= self.until || now >= self.slice_until && self.slot.is_wanted()
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
    fn a_turn_goes_on_while_nobody_waits_and_not_for_ever() {
        let slots = Slots::new(1);
        let at_once = Duration::ZERO;
        let turn = |slice, most| {
            let settings = Settings { backfill_slice: slice, backfill_turn: most, ..Settings::default() };
            slots.take(mailbox(1)).map(|slot| Turn::begin(slot, &settings)).ok()
        };
        let long = turn(at_once, PLACE_KEPT);
        assert_eq!(long.as_ref().map(Turn::is_over), Some(false), "nobody waits");
        assert_eq!(slots.take(mailbox(2)).err(), Some(0));
        assert_eq!(long.as_ref().map(Turn::is_over), Some(true));
        assert!(!slots.is_wanted_at(Instant::now() + PLACE_KEPT), "who is not heard of any more does not wait");
        drop(long);
        drop(slots.take(mailbox(2)));
        assert_eq!(turn(at_once, at_once).map(|turn| turn.is_over()), Some(true));
        assert_eq!(turn(PLACE_KEPT, PLACE_KEPT).map(|turn| turn.is_over()), Some(false));
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
