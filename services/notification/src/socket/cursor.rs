//! How far each room of a socket is. Both rooms count in the user's one sequence: an entry of the other room moves a
//! cursor without an event.

use uuid::Uuid;

use crate::rules::Room;
use crate::store::log::Entry;

/// One subscribed room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Last number this room is done with.
    pub last_sent: i64,
    /// Entries up to here are older than the subscription.
    pub replay_until: i64,
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
    notifications: Option<Cursor>,
    sync: Option<Cursor>,
}

impl Cursors {
    /// The cursor of a subscribed room.
    pub fn get(&self, room: Room) -> Option<Cursor> {
        match room {
            Room::Notifications => self.notifications,
            Room::Sync => self.sync,
        }
    }

    fn slot(&mut self, room: Room) -> &mut Option<Cursor> {
        match room {
            Room::Notifications => &mut self.notifications,
            Room::Sync => &mut self.sync,
        }
    }

    /// Subscribes a room from a place on; entries up to `replay_until` are replays.
    pub fn subscribe(&mut self, room: Room, last_sent: i64, replay_until: i64) {
        *self.slot(room) = Some(Cursor { last_sent, replay_until });
    }

    /// Unsubscribes.
    pub fn unsubscribe(&mut self, room: Room) {
        *self.slot(room) = None;
    }

    /// Whether no room is subscribed.
    pub fn is_empty(&self) -> bool {
        self.notifications.is_none() && self.sync.is_none()
    }

    /// The number every subscribed room is done with.
    pub fn lowest(&self) -> Option<i64> {
        [self.notifications, self.sync].into_iter().flatten().map(|cursor| cursor.last_sent).min()
    }

    /// Whether the entry is the very next one for all rooms.
    pub fn is_next(&self, nseq: i64) -> bool {
        [self.notifications, self.sync].into_iter().flatten().all(|cursor| cursor.last_sent + 1 == nseq)
    }

    /// Takes an entry: says what to do with it and moves every cursor that has not passed it.
    pub fn take(&mut self, entry: &Entry, account: Option<Uuid>) -> Step {
        let room = Room::of_column(&entry.room);
        let wanted = account.is_none() || entry.account_id.is_none() || entry.account_id == account;
        let mut step = Step::Skip;
        for of in Room::ALL {
            let Some(cursor) = self.slot(of).as_mut().filter(|cursor| cursor.last_sent < entry.nseq) else { continue };
            cursor.last_sent = entry.nseq;
            if of == room && wanted {
                step = Step::Emit { replayed: entry.nseq <= cursor.replay_until };
            }
        }
        step
    }

    /// Starts every room over behind the head: the client was told to load its state anew.
    pub fn restart(&mut self, head: i64) {
        for room in Room::ALL {
            if let Some(cursor) = self.slot(room).as_mut() {
                *cursor = Cursor { last_sent: head, replay_until: head };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(nseq: i64, room: Room, account: Option<Uuid>) -> Entry {
        Entry {
            nseq,
            room: room.as_str().to_owned(),
            event: "e".to_owned(),
            payload: json!({}),
            account_id: account,
            unread: 0,
        }
    }

    #[test]
    fn each_entry_is_emitted_once_in_its_own_room() {
        let mut cursors = Cursors::default();
        cursors.subscribe(Room::Notifications, 0, 2);
        assert_eq!(cursors.take(&entry(1, Room::Notifications, None), None), Step::Emit { replayed: true });
        assert_eq!(cursors.take(&entry(1, Room::Notifications, None), None), Step::Skip);
        assert_eq!(cursors.take(&entry(2, Room::Sync, None), None), Step::Skip);
        assert_eq!(cursors.take(&entry(3, Room::Notifications, None), None), Step::Emit { replayed: false });
        // The second room starts later and further back: it alone gets what it has not had.
        cursors.subscribe(Room::Sync, 0, 3);
        assert_eq!(cursors.lowest(), Some(0));
        assert!(!cursors.is_next(4));
        assert_eq!(cursors.take(&entry(1, Room::Notifications, None), None), Step::Skip);
        assert_eq!(cursors.take(&entry(2, Room::Sync, None), None), Step::Emit { replayed: true });
        assert_eq!(cursors.take(&entry(3, Room::Notifications, None), None), Step::Skip);
        assert!(cursors.is_next(4));
    }

    #[test]
    fn an_account_narrows_but_moves_on() {
        let mut cursors = Cursors::default();
        cursors.subscribe(Room::Notifications, 0, 0);
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(cursors.take(&entry(1, Room::Notifications, Some(other)), Some(mine)), Step::Skip);
        assert_eq!(
            cursors.take(&entry(2, Room::Notifications, Some(mine)), Some(mine)),
            Step::Emit { replayed: false }
        );
        assert_eq!(cursors.take(&entry(3, Room::Notifications, None), Some(mine)), Step::Emit { replayed: false });
    }
}
