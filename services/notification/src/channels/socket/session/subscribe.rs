//! Where a room starts when it is subscribed.

use postrider_storage::Error;

use super::Session;
use super::cursors::Cursor;
use super::requests::Then;
use crate::channels::socket::protocol::event_id::{Certainty, Place};
use crate::channels::socket::protocol::handshake::Resume;
use crate::channels::socket::protocol::problem::SocketProblem;
use crate::rules::{Places, Room};
use crate::store::users::{self, Head};

/// Where a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    At(Cursor),
    /// What the client knows cannot be continued: it must load its state anew.
    Resync(&'static str),
}

impl Session {
    /// Subscribes: hints are buffered already, so what is read from here on and what comes later meet without a seam.
    pub(super) async fn subscribe(&mut self, room: Room, resume: Option<Resume>) -> Result<Then, SocketProblem> {
        if self.cursors.get(room).is_some() {
            return Ok(Then::Nothing);
        }
        let head = self.head().await.map_err(|error| {
            tracing::warn!(%error, "a user's place could not be read");
            SocketProblem::UNAVAILABLE
        })?;
        let left = self.cursors.left(room);
        let resume = resume.or(if left.is_some() { None } else { self.resume });
        self.epoch = Some(head.epoch);
        let from = match start(&head, room, resume, left) {
            Start::At(from) => from,
            Start::Resync(reason) => {
                self.cursors.subscribe(room, Cursor::at(head.nseq, head.nseq));
                return Ok(Then::Resync(head, reason));
            }
        };
        self.cursors.subscribe(room, from);
        if let Some(Resume::At(id)) = resume {
            let named = id.place(room);
            if let Some(Place { nseq, certainty: Certainty::Whole }) = named {
                self.confirm_room(room, nseq);
            }
            // The client has the entry, but perhaps not the count that followed it.
            if named.is_some() && !id.count && room == Room::Notifications {
                self.unread.tell_again(head.unread, head.nseq);
            }
        }
        Ok(Then::Deliver)
    }

    /// The user's row. A user who was never told anything gets it now, because every event carries its epoch.
    pub(super) async fn head(&self) -> Result<Head, Error> {
        let identity = self.identity().ok_or(Error::NotFound)?;
        let (tenant, user) = (&identity.owner.tenant, &identity.owner.user);
        let seams = &self.shared.seams;
        let tx = self.shared.db.tenant(tenant).await?;
        let head = users::find_or_make(&tx, tenant, user, seams.ids.uuid(), seams.clock.now()).await?;
        tx.commit().await?;
        Ok(head)
    }

    /// The client named what it has, by an id that stands for everything before it: that is certain.
    fn confirm_room(&self, room: Room, nseq: i64) {
        self.confirm(match room {
            Room::Notifications => Places { notifications: nseq, sync: 0 },
            Room::Sync => Places { notifications: 0, sync: nseq },
        });
    }
}

/// From where on a room is sent: where the client says, where this socket left it, or behind what certainly arrived.
fn start(head: &Head, room: Room, resume: Option<Resume>, left: Option<Cursor>) -> Start {
    let named = match (resume, left) {
        (Some(Resume::Unknown), _) => return Start::Resync("unknown_event_id"),
        (Some(Resume::At(id)), _) if id.epoch != head.epoch || id.highest() > head.nseq => {
            return Start::Resync("sequence_restarted");
        }
        (Some(Resume::At(id)), left) => (id.place(room), left),
        (None, left) => (None, left),
    };
    let watermark = head.watermark(room);
    let from = match named {
        (Some(Place { nseq, certainty: Certainty::Whole }), _) => Cursor::at(nseq, head.nseq),
        // What a partial view skipped, the user may still have to hear, unless it arrived otherwise.
        (Some(Place { nseq, certainty: Certainty::Partial }), _) if nseq > watermark => {
            Cursor::partial_at(nseq, head.nseq)
        }
        (Some(Place { nseq, certainty: Certainty::Partial }), _) => Cursor::at(nseq, head.nseq),
        // Of the number itself nothing is certain: it may be another room's.
        (Some(Place { nseq, certainty: Certainty::Unproven }), _) => Cursor::at(nseq.min(watermark), head.nseq),
        (None, Some(left)) => Cursor { replay_until: head.nseq, ..left },
        (None, None) => Cursor::at(watermark, head.nseq),
    };
    if from.last_sent < head.log_floor { Start::Resync("older_than_retention") } else { Start::At(from) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::socket::protocol::event_id::EventId;
    use uuid::Uuid;

    #[test]
    fn a_subscription_starts_where_nothing_can_be_missing() {
        let epoch = Uuid::from_u128(1);
        let head = Head { epoch, nseq: 50, log_floor: 10, unread: 3, watermark_notifications: 20, watermark_sync: 5 };
        let id = |epoch, notifications, sync| Some(Resume::At(EventId { epoch, notifications, sync, count: false }));
        let at = |epoch, nseq, certainty| id(epoch, Some(Place { nseq, certainty }), None);
        let of = |resume, left| start(&head, Room::Notifications, resume, left);
        let whole = |nseq| Start::At(Cursor::at(nseq, 50));
        let left = |nseq| Some(Cursor::partial_at(nseq, 7));
        assert_eq!(of(None, None), whole(20));
        assert_eq!(of(None, left(30)), Start::At(Cursor::partial_at(30, 50)));
        assert_eq!(of(at(epoch, 40, Certainty::Whole), left(30)), whole(40));
        assert_eq!(of(at(epoch, 40, Certainty::Partial), None), Start::At(Cursor::partial_at(40, 50)));
        assert_eq!(of(at(epoch, 20, Certainty::Partial), None), whole(20));
        assert_eq!(of(at(epoch, 10, Certainty::Whole), None), whole(10));
        assert_eq!(of(at(epoch, 9, Certainty::Whole), None), Start::Resync("older_than_retention"));
        assert_eq!(of(at(epoch, 51, Certainty::Whole), None), Start::Resync("sequence_restarted"));
        assert_eq!(of(at(Uuid::nil(), 40, Certainty::Whole), None), Start::Resync("sequence_restarted"));
        // What an id says of one room says nothing of the other.
        let sync_only = id(epoch, None, Some(Place::whole(42)));
        assert_eq!(of(sync_only, None), whole(20));
        assert_eq!(of(sync_only, left(30)), Start::At(Cursor::partial_at(30, 50)));
        assert_eq!(of(id(epoch, None, Some(Place::whole(51))), None), Start::Resync("sequence_restarted"));
        // Nor does one that may be of either: no further than what certainly arrived.
        assert_eq!(of(at(epoch, 40, Certainty::Unproven), None), whole(20));
        assert_eq!(of(at(epoch, 15, Certainty::Unproven), None), whole(15));
        assert_eq!(of(Some(Resume::Unknown), None), Start::Resync("unknown_event_id"));
        assert_eq!(start(&head, Room::Sync, None, None), Start::Resync("older_than_retention"));
    }
}
