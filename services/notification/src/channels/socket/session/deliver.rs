//! Getting entries of the user's log to the client: live from hints, never one twice or out of order on one socket.

use postrider_runtime::telemetry::span;
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::cursors::{Cursor, Step};
use super::{End, Session};
use crate::channels::socket::protocol::event_id::EventId;
use crate::hints::Hint;
use crate::observe;
use crate::rules::Room;
use crate::store::log::Entry;

/// The unread count: told after a run of entries once, not after each, and only if it changed.
#[derive(Debug, Default)]
pub(super) struct UnreadCount {
    /// The count, and the number of the entry it stands after, if not told yet.
    latest: Option<(i64, i64)>,
    /// What the client was last told.
    told: Option<i64>,
}

impl UnreadCount {
    /// Tells it again, whatever the client was told.
    pub(super) fn tell_again(&mut self, unread: i64, nseq: i64) {
        *self = Self { latest: Some((unread, nseq)), told: None };
    }

    /// The client was told otherwise.
    pub(super) fn is_told(&mut self, unread: i64) {
        *self = Self { latest: None, told: Some(unread) };
    }
}

impl Session {
    /// Takes everything that was hinted.
    pub(super) async fn take_hints(&mut self) -> Result<(), End> {
        let Some(hints) = self.proved.as_ref().map(|proved| proved.membership.hints()) else { return Ok(()) };
        loop {
            let (waiting, behind) = hints.take();
            if waiting.is_empty() && !behind {
                return self.tell_count().await;
            }
            if behind {
                self.catch_up().await?;
            }
            for hint in waiting {
                // Under the trace of the change, so that the emit is found by it.
                let span = hint.trace.map_or_else(Span::none, |trace| span::job("socket_emit", trace));
                self.follow_hint(&hint).instrument(span).await?;
            }
        }
    }

    async fn follow_hint(&mut self, hint: &Hint) -> Result<(), End> {
        let Some(lowest) = self.cursors.lowest() else { return Ok(()) };
        let same = self.epoch.is_none_or(|epoch| epoch == hint.epoch);
        if same && hint.nseq <= lowest {
            return Ok(());
        }
        match &hint.entry {
            Some(entry) if same && self.cursors.is_next(entry.nseq) => {
                self.epoch = Some(hint.epoch);
                self.deliver(entry).await?;
                observe::emitted_from_hint(&self.shared.metrics, hint.at, self.shared.seams.clock.now());
                Ok(())
            }
            _ => {
                self.shared.metrics.gaps.inc();
                self.catch_up().await
            }
        }
    }

    /// Emits an entry if its room is subscribed and it was not sent; moves the cursors.
    pub(super) async fn deliver(&mut self, entry: &Entry) -> Result<(), End> {
        if let Step::Emit { replayed } = self.cursors.take(entry, self.account()) {
            let mut event = entry.payload.clone();
            self.stamp(&mut event, entry.nseq, false);
            if let (Some(account), Some(members)) = (entry.account_id, event.as_object_mut()) {
                members.insert("accountId".to_owned(), json!(account));
            }
            if replayed && let Some(members) = event.as_object_mut() {
                members.insert("replayed".to_owned(), Value::Bool(true));
            }
            self.send(&entry.event, event, replayed).await?;
            observe::emitted(&self.shared.metrics, self.socket.id, entry, replayed);
        }
        self.unread.latest = Some((entry.unread, entry.nseq));
        self.watermark.note(Instant::now(), self.cursors.complete());
        Ok(())
    }

    /// Tells the unread count if it changed since it was last told.
    pub(super) async fn tell_count(&mut self) -> Result<(), End> {
        let Some((unread, nseq)) = self.unread.latest else { return Ok(()) };
        let sent = self.cursors.get(Room::Notifications).map(|cursor| cursor.last_sent);
        if sent.is_some_and(|sent| sent < nseq) {
            // The entries it counts could not be read yet: told now, it would stand before them.
            return Ok(());
        }
        self.unread.latest = None;
        if self.unread.told == Some(unread) || sent.is_none() {
            return Ok(());
        }
        let mut event = json!({ "unreadCount": unread });
        self.stamp(&mut event, nseq, true);
        self.emitter.send("notification:unread_count", &event).await?;
        self.unread.told = Some(unread);
        Ok(())
    }

    /// Adds `eventId` and `nseq`.
    pub(super) fn stamp(&self, event: &mut Value, nseq: i64, count: bool) {
        if let Some(id) = self.place(count) {
            id.stamp(nseq, event);
        }
    }

    /// Where the rooms are: what was sent, and nothing beyond it.
    pub(super) fn place(&self, count: bool) -> Option<EventId> {
        let of = |room| self.cursors.get(room).map(Cursor::place);
        let (notifications, sync) = (of(Room::Notifications), of(Room::Sync));
        notifications.or(sync)?;
        Some(EventId { epoch: self.epoch?, notifications, sync, count: count && notifications.is_some() })
    }
}
