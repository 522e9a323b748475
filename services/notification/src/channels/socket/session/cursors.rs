//! How far each room of a socket is. Both rooms count in the user's one sequence: an entry of the other room moves a
//! cursor without an event.

use postrider_domain::ConnectorId;

use crate::channels::socket::protocol::event_id::{Certainty, Place};
use crate::rules::{Places, Room};
use crate::store::log::Entry;

/// One subscribed room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Last number this room is done with.
    pub last_sent: i64,
    /// Entries up to here are older than the subscription.
    pub replay_until: i64,
    /// Set once this socket is known to miss entries of the room: behind this number not all were sent to it, so that
    /// what it received says nothing of what the user received.
    pub complete_until: Option<i64>,
}

impl Cursor {
    /// Starts at a place; entries up to `replay_until` are replays.
    pub fn at(last_sent: i64, replay_until: i64) -> Self {
        Self { last_sent, replay_until, complete_until: None }
    }

    /// The same for a client that has not seen all before that place.
    pub fn partial_at(last_sent: i64, replay_until: i64) -> Self {
        Self { last_sent, replay_until, complete_until: Some(0) }
    }

    /// Up to here every entry of the room was sent.
    pub fn complete(self) -> i64 {
        self.complete_until.unwrap_or(self.last_sent)
    }

    /// The same place in an event id.
    pub fn place(self) -> Place {
        let certainty = if self.complete_until.is_some() { Certainty::Partial } else { Certainty::Whole };
        Place { nseq: self.last_sent, certainty }
    }
}

/// What to do with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Emit it; the flag says that it is a replay.
    Emit { replayed: bool },
    /// Its room is not subscribed, it was sent, or its account is not wanted.
    Skip,
}

/// The rooms of one socket.
#[derive(Debug, Default)]
pub struct Cursors {
    notifications: RoomCursor,
    sync: RoomCursor,
}

/// Where a room is, if it is subscribed, and where it was when it last was not any more.
#[derive(Debug, Default)]
struct RoomCursor {
    cursor: Option<Cursor>,
    left: Option<Cursor>,
}

impl Cursors {
    /// The cursor of a subscribed room.
    pub fn get(&self, room: Room) -> Option<Cursor> {
        self.of(room).cursor
    }

    /// Where a room was when it was unsubscribed.
    pub fn left(&self, room: Room) -> Option<Cursor> {
        self.of(room).left
    }

    fn of(&self, room: Room) -> &RoomCursor {
        match room {
            Room::Notifications => &self.notifications,
            Room::Sync => &self.sync,
        }
    }

    fn of_mut(&mut self, room: Room) -> &mut RoomCursor {
        match room {
            Room::Notifications => &mut self.notifications,
            Room::Sync => &mut self.sync,
        }
    }

    fn both(&self) -> impl Iterator<Item = Cursor> {
        [self.notifications.cursor, self.sync.cursor].into_iter().flatten()
    }

    /// Up to where the rooms were sent completely: what a socket skipped, it cannot have received.
    pub fn complete(&self) -> Places {
        let place = |room| self.get(room).map_or(0, Cursor::complete);
        Places { notifications: place(Room::Notifications), sync: place(Room::Sync) }
    }

    /// Subscribes a room from a place on.
    pub fn subscribe(&mut self, room: Room, from: Cursor) {
        self.of_mut(room).cursor = Some(from);
    }

    /// Unsubscribes, and remembers the place.
    pub fn unsubscribe(&mut self, room: Room) {
        let place = self.of_mut(room);
        place.left = place.cursor.take().or(place.left);
    }

    /// The number every subscribed room is done with.
    pub fn lowest(&self) -> Option<i64> {
        self.both().map(|cursor| cursor.last_sent).min()
    }

    /// Whether the entry is the very next one for all rooms.
    pub fn is_next(&self, nseq: i64) -> bool {
        self.both().all(|cursor| cursor.last_sent + 1 == nseq)
    }

    /// Takes an entry: says what to do with it and moves every cursor that has not passed it.
    pub fn take(&mut self, entry: &Entry, account: Option<ConnectorId>) -> Step {
        let wanted = account.is_none() || entry.account_id.is_none() || entry.account_id == account;
        let mut step = Step::Skip;
        for room in Room::ALL {
            let cursor = self.of_mut(*room).cursor.as_mut();
            let Some(cursor) = cursor.filter(|cursor| cursor.last_sent < entry.nseq) else { continue };
            cursor.last_sent = entry.nseq;
            if *room == entry.room && entry.silent {
                // Nobody is sent it: nothing is missed.
            } else if *room == entry.room && wanted {
                step = Step::Emit { replayed: entry.nseq <= cursor.replay_until };
            } else if *room == entry.room {
                cursor.complete_until.get_or_insert(entry.nseq - 1);
            }
        }
        step
    }

    /// Starts every room over behind the head: the client was told to load its state anew. A client that asked for one
    /// account loads that one only.
    pub fn restart(&mut self, head: i64, narrowed: bool) {
        let from = if narrowed { Cursor::partial_at(head, head) } else { Cursor::at(head, head) };
        for room in Room::ALL {
            if let Some(cursor) = &mut self.of_mut(*room).cursor {
                *cursor = from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    fn entry(nseq: i64, room: Room, account_id: Option<ConnectorId>) -> Entry {
        Entry { nseq, room, event: "e".to_owned(), payload: json!({}), account_id, unread: 0, silent: false }
    }

    #[test]
    fn each_entry_is_emitted_once_in_its_own_room() {
        let mut cursors = Cursors::default();
        cursors.subscribe(Room::Notifications, Cursor::at(0, 2));
        assert_eq!(cursors.take(&entry(1, Room::Notifications, None), None), Step::Emit { replayed: true });
        assert_eq!(cursors.take(&entry(1, Room::Notifications, None), None), Step::Skip);
        assert_eq!(cursors.take(&entry(2, Room::Sync, None), None), Step::Skip);
        assert_eq!(cursors.take(&entry(3, Room::Notifications, None), None), Step::Emit { replayed: false });
        // The second room starts later and further back: it alone gets what it has not had.
        cursors.subscribe(Room::Sync, Cursor::at(0, 3));
        assert_eq!(cursors.lowest(), Some(0));
        assert!(!cursors.is_next(4));
        assert_eq!(cursors.take(&entry(1, Room::Notifications, None), None), Step::Skip);
        assert_eq!(cursors.take(&entry(2, Room::Sync, None), None), Step::Emit { replayed: true });
        assert_eq!(cursors.take(&entry(3, Room::Notifications, None), None), Step::Skip);
        assert!(cursors.is_next(4));
        let places = Room::ALL.iter().map(|room| cursors.get(*room).map(Cursor::place));
        assert_eq!(places.collect::<Vec<_>>(), [Some(Place::whole(3)), Some(Place::whole(3))]);
    }

    #[test]
    fn an_account_narrows_but_moves_on_and_what_it_hid_is_known() {
        let mut cursors = Cursors::default();
        cursors.subscribe(Room::Notifications, Cursor::at(0, 0));
        let [mine, other] = [1, 2].map(|n| ConnectorId(Uuid::from_u128(n)));
        let complete = |cursors: &Cursors| cursors.get(Room::Notifications).map(Cursor::complete);
        let certainty = |cursors: &Cursors| cursors.get(Room::Notifications).map(|cursor| cursor.place().certainty);
        let mine_first = cursors.take(&entry(1, Room::Notifications, Some(mine)), Some(mine));
        assert_eq!((mine_first, complete(&cursors)), (Step::Emit { replayed: false }, Some(1)));
        // An entry of the other room hides nothing of this one.
        assert_eq!(cursors.take(&entry(2, Room::Sync, Some(other)), Some(mine)), Step::Skip);
        assert_eq!((certainty(&cursors), complete(&cursors)), (Some(Certainty::Whole), Some(2)));
        assert_eq!(cursors.take(&entry(3, Room::Notifications, Some(other)), Some(mine)), Step::Skip);
        assert_eq!(
            cursors.take(&entry(4, Room::Notifications, Some(mine)), Some(mine)),
            Step::Emit { replayed: false }
        );
        assert_eq!(cursors.take(&entry(5, Room::Notifications, None), None), Step::Emit { replayed: false });
        assert_eq!((certainty(&cursors), complete(&cursors)), (Some(Certainty::Partial), Some(2)));
        assert_eq!(cursors.lowest(), Some(5));
    }
}
