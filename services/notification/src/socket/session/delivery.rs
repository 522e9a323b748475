//! Getting a user's log to the client: live from hints, from the rows wherever a number is missing, and never an
//! entry twice or out of order on one socket.

use serde_json::{Value, json};
use storage::Error;
use tokio::time::Instant;

use super::{End, Session};
use crate::live::Hint;
use crate::rules::Room;
use crate::socket::cursor::Step;
use crate::socket::incoming::Resume;
use crate::socket::problem::SocketProblem;
use crate::socket::watermark::Places;
use crate::store::log::{self, Entry};
use crate::store::users::{self, Head};

/// Entries read in one go.
const PAGE: i64 = 200;

/// Where a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    At(i64),
    /// What the client knows cannot be continued: it must load its state anew.
    Resync(&'static str),
}

/// What follows an acknowledgement.
#[derive(Debug)]
pub(super) enum Then {
    Nothing,
    /// Rows behind the new cursor.
    Deliver,
    Resync(Head, &'static str),
    /// The client remembers something, we nothing.
    StartOver,
}

impl Session {
    /// Takes everything that was hinted.
    pub(super) async fn drain(&mut self) -> Result<(), End> {
        let Some(hints) = self.membership.as_ref().map(crate::live::Membership::hints) else { return Ok(()) };
        loop {
            let (waiting, behind) = hints.take();
            if waiting.is_empty() && !behind {
                return self.tell_count().await;
            }
            if behind {
                self.catch_up().await?;
            }
            for hint in waiting {
                self.take_hint(&hint).await?;
            }
        }
    }

    async fn take_hint(&mut self, hint: &Hint) -> Result<(), End> {
        let Some(lowest) = self.cursors.lowest() else { return Ok(()) };
        let same = self.epoch.is_none_or(|epoch| epoch == hint.epoch);
        if same && hint.nseq <= lowest {
            return Ok(());
        }
        match &hint.entry {
            Some(entry) if same && self.cursors.is_next(entry.nseq) => {
                self.epoch = Some(hint.epoch);
                self.deliver(entry).await?;
                let delay = self.hosts.seams.clock.now() - hint.at;
                self.hosts.metrics.emit_delay.observe(delay.as_seconds_f64().max(0.0));
                Ok(())
            }
            _ => {
                self.hosts.metrics.gaps.inc();
                self.catch_up().await
            }
        }
    }

    /// Reads and delivers rows until there are no more. A database that is away leaves the session as it is; the next
    /// look repeats it.
    pub(super) async fn catch_up(&mut self) -> Result<(), End> {
        while let Some(lowest) = self.cursors.lowest() {
            let (head, entries) = match self.read(lowest).await {
                Ok(Some(read)) => read,
                Ok(None) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%error, "a user's log could not be read");
                    return Ok(());
                }
            };
            let other = self.epoch.is_some_and(|epoch| epoch != head.epoch);
            if other || head.log_floor > lowest || lowest > head.nseq {
                let reason = if other { "sequence_restarted" } else { "older_than_retention" };
                return self.resync(&head, reason).await;
            }
            self.epoch = Some(head.epoch);
            let full = i64::try_from(entries.len()).unwrap_or(0) == PAGE;
            for entry in &entries {
                self.deliver(entry).await?;
            }
            if !full {
                break;
            }
        }
        Ok(())
    }

    async fn read(&self, after: i64) -> Result<Option<(Head, Vec<Entry>)>, Error> {
        let Some(identity) = &self.identity else { return Ok(None) };
        let (tenant, user) = (&identity.owner.tenant, &identity.owner.user);
        // Never closed while the service runs; without a permit the read is only less polite.
        let _permit = self.hosts.replays.acquire().await;
        let mut tx = self.hosts.db.tenant(tenant).await?;
        let head = users::find(&mut tx, tenant, user).await?;
        let entries = match &head {
            Some(head) if head.nseq > after => log::after(&mut tx, tenant, user, after, PAGE).await?,
            _ => Vec::new(),
        };
        tx.commit().await?;
        Ok(head.map(|head| (head, entries)))
    }

    /// Emits an entry if its room is subscribed and it was not sent; moves the cursors.
    async fn deliver(&mut self, entry: &Entry) -> Result<(), End> {
        let account = self.identity.as_ref().and_then(|identity| identity.account).map(|account| account.0);
        if let Step::Emit { replayed } = self.cursors.take(entry, account) {
            let mut event = entry.payload.clone();
            self.stamp(&mut event, entry.nseq, false);
            if replayed && let Some(members) = event.as_object_mut() {
                members.insert("replayed".to_owned(), Value::Bool(true));
            }
            self.emitter.send(&entry.event, &event).await?;
            let how = if replayed { "replayed" } else { "live" };
            self.hosts.metrics.emitted.with_label_values(&[how]).inc();
        }
        self.count = Some((entry.unread, entry.nseq));
        self.watermark.note(Instant::now(), Places::of(&self.cursors));
        Ok(())
    }

    /// Tells the unread count if it changed since it was last told: after a run of entries once, not after each.
    pub(super) async fn tell_count(&mut self) -> Result<(), End> {
        let Some((unread, nseq)) = self.count.take() else { return Ok(()) };
        if self.told_count == Some(unread) || self.cursors.get(Room::Notifications).is_none() {
            return Ok(());
        }
        let mut event = json!({ "unreadCount": unread });
        self.stamp(&mut event, nseq, true);
        self.emitter.send("notification:unread_count", &event).await?;
        self.told_count = Some(unread);
        Ok(())
    }

    /// Subscribes: hints are buffered already, so what is read from here on and what comes later meet without a seam.
    pub(super) async fn subscribe(&mut self, room: Room, resume: Option<Resume>) -> Result<Then, SocketProblem> {
        if self.cursors.get(room).is_some() {
            return Ok(Then::Nothing);
        }
        let head = self.head().await.map_err(|error| {
            tracing::warn!(%error, "a user's place could not be read");
            SocketProblem::UNAVAILABLE
        })?;
        let left = self.recall(room);
        let resume = resume.or(if left.is_some() { None } else { self.resume });
        let Some(head) = head else {
            // Nobody was ever told anything: whatever the client remembers is of another sequence.
            self.cursors.subscribe(room, 0, 0);
            return Ok(if resume.is_some() { Then::StartOver } else { Then::Nothing });
        };
        self.epoch = Some(head.epoch);
        let place = match start(&head, room, resume, left) {
            Start::At(place) => place,
            Start::Resync(reason) => {
                self.cursors.subscribe(room, head.nseq, head.nseq);
                return Ok(Then::Resync(head, reason));
            }
        };
        self.cursors.subscribe(room, place, head.nseq);
        if let Some(Resume::At(id)) = resume {
            self.proved(room, id.nseq).await;
            // The client has the entry, but perhaps not the count that followed it.
            if !id.count && room == Room::Notifications {
                self.count = Some((head.unread, head.nseq));
                self.told_count = None;
            }
        }
        Ok(Then::Deliver)
    }

    /// What a request leads to once it is acknowledged.
    pub(super) async fn follow(&mut self, then: Then) -> Result<(), End> {
        match then {
            Then::Nothing => Ok(()),
            Then::Deliver => {
                self.catch_up().await?;
                self.tell_count().await
            }
            Then::Resync(head, reason) => self.resync(&head, reason).await,
            Then::StartOver => {
                Ok(self.emitter.send("resync_required", &json!({ "reason": "sequence_restarted" })).await?)
            }
        }
    }

    async fn head(&self) -> Result<Option<Head>, Error> {
        Ok(self.read(i64::MAX).await?.map(|(head, _)| head))
    }

    /// The client named what it has: that is certain.
    async fn proved(&self, room: Room, nseq: i64) {
        self.confirm(match room {
            Room::Notifications => Places { notifications: nseq, sync: 0 },
            Room::Sync => Places { notifications: 0, sync: nseq },
        })
        .await;
    }

    /// Says that the client must load its state anew, and goes on from the head.
    async fn resync(&mut self, head: &Head, reason: &'static str) -> Result<(), End> {
        self.epoch = Some(head.epoch);
        self.cursors.restart(head.nseq);
        let mut event = json!({ "reason": reason, "unreadCount": head.unread });
        self.stamp(&mut event, head.nseq, true);
        self.emitter.send("resync_required", &event).await?;
        self.told_count = Some(head.unread);
        self.count = None;
        self.watermark.note(Instant::now(), Places::of(&self.cursors));
        Ok(())
    }

    pub(super) fn remember(&mut self, room: Room, place: i64) {
        match (room, &mut self.left) {
            (Room::Notifications, [slot, _]) | (Room::Sync, [_, slot]) => *slot = Some(place),
        }
    }

    fn recall(&self, room: Room) -> Option<i64> {
        match (room, self.left) {
            (Room::Notifications, [slot, _]) | (Room::Sync, [_, slot]) => slot,
        }
    }
}

/// From where on a room is sent: where the client says, where this socket left it, or behind what certainly arrived.
fn start(head: &Head, room: Room, resume: Option<Resume>, left: Option<i64>) -> Start {
    let place = match (resume, left) {
        (Some(Resume::Unknown), _) => return Start::Resync("unknown_event_id"),
        (Some(Resume::At(id)), _) if id.epoch != head.epoch || id.nseq > head.nseq => {
            return Start::Resync("sequence_restarted");
        }
        (Some(Resume::At(id)), _) => id.nseq,
        (None, Some(left)) => left,
        (None, None) => head.watermark(room),
    };
    if place < head.log_floor { Start::Resync("older_than_retention") } else { Start::At(place) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::event_id::EventId;
    use uuid::Uuid;

    #[test]
    fn a_subscription_starts_where_nothing_can_be_missing() {
        let epoch = Uuid::from_u128(1);
        let head = Head { epoch, nseq: 50, log_floor: 10, unread: 3, watermark_notifications: 20, watermark_sync: 5 };
        let at = |epoch, nseq| Some(Resume::At(EventId { epoch, nseq, count: false }));
        let of = |resume, left| start(&head, Room::Notifications, resume, left);
        assert_eq!(of(None, None), Start::At(20));
        assert_eq!(of(None, Some(30)), Start::At(30));
        assert_eq!(of(at(epoch, 40), Some(30)), Start::At(40));
        assert_eq!(of(at(epoch, 10), None), Start::At(10));
        assert_eq!(of(at(epoch, 9), None), Start::Resync("older_than_retention"));
        assert_eq!(of(at(epoch, 51), None), Start::Resync("sequence_restarted"));
        assert_eq!(of(at(Uuid::nil(), 40), None), Start::Resync("sequence_restarted"));
        assert_eq!(of(Some(Resume::Unknown), None), Start::Resync("unknown_event_id"));
        assert_eq!(start(&head, Room::Sync, None, None), Start::Resync("older_than_retention"));
    }
}
