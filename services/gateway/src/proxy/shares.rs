//! How much of a room one payer may hold.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use postrider_web::body::Room;

use crate::limits::Payer;

/// The shares of those who have a body on its way. Clones share them.
#[derive(Debug, Clone)]
pub struct Shares {
    taken: Arc<Mutex<HashMap<Payer, Share>>>,
    bytes: usize,
}

#[derive(Debug)]
struct Share {
    room: Room,
    seats: usize,
}

/// A place at a payer's share; the share is forgotten with the last one.
#[derive(Debug)]
pub struct Seat {
    taken: Arc<Mutex<HashMap<Payer, Share>>>,
    payer: Payer,
    room: Room,
}

impl Shares {
    /// Shares of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { taken: Arc::default(), bytes }
    }

    /// A place at the payer's share.
    pub fn seat(&self, payer: Payer) -> Seat {
        let mut taken = self.taken.lock();
        let share = taken.entry(payer.clone()).or_insert_with(|| Share { room: Room::of(self.bytes), seats: 0 });
        share.seats += 1;
        Seat { taken: self.taken.clone(), payer, room: share.room.clone() }
    }
}

impl Seat {
    /// What is left of the share.
    pub fn room(&self) -> &Room {
        &self.room
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        let left = taken.get_mut(&self.payer).map(|share| {
            share.seats = share.seats.saturating_sub(1);
            share.seats
        });
        if left == Some(0) {
            taken.remove(&self.payer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_of_one_payer_are_at_one_share_that_is_forgotten_with_the_last() {
        let (shares, ann) = (Shares::new(10), Payer::Address([10, 0, 0, 1].into()));
        let (first, second) = (shares.seat(ann.clone()), shares.seat(ann.clone()));
        let other = shares.seat(Payer::Address([10, 0, 0, 2].into()));
        assert_eq!(shares.taken.lock().len(), 2);
        drop((first, other));
        assert_eq!(shares.taken.lock().get(&ann).map(|share| share.seats), Some(1));
        drop(second);
        assert!(shares.taken.lock().is_empty());
    }
}
