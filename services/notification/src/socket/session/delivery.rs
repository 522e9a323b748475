//! Getting a user's log to the client: live from hints, from the rows wherever a number is missing, and never an
//! entry twice or out of order on one socket.

use postrider_runtime::telemetry::span;
use postrider_storage::Error;
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::{End, Session};
use crate::live::Hint;
use crate::rules::Room;
use crate::socket::cursor::Step;
use crate::socket::watermark::Places;
use crate::store::log::{self, Entry};
use crate::store::users::{self, Head};

/// Entries read in one go.
const PAGE: i64 = 200;

/// What follows an acknowledgement.
#[derive(Debug)]
pub(super) enum Then {
    Nothing,
    /// Rows behind the new cursor.
    Deliver,
    Resync(Head, &'static str),
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

    /// Under the trace of the change, so that the emit is found by it.
    async fn take_hint(&mut self, hint: &Hint) -> Result<(), End> {
        let span = hint.trace.map_or_else(Span::none, |trace| span::job("socket_emit", trace));
        self.follow_hint(hint).instrument(span).await
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
                // A long replay to a slow client may outlive its token.
                self.may_go_on().await?;
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
        let tx = self.hosts.db.tenant(tenant).await?;
        // The entries first: if they are pruned at this moment, the floor read after them tells.
        let (entries, head) = tokio::try_join!(
            biased;
            log::after(&tx, tenant, user, after, PAGE),
            users::find(&tx, tenant, user)
        )?;
        tx.commit().await?;
        Ok(head.map(|head| (head, entries)))
    }

    /// Emits an entry if its room is subscribed and it was not sent; moves the cursors.
    async fn deliver(&mut self, entry: &Entry) -> Result<(), End> {
        if let Step::Emit { replayed } = self.cursors.take(entry, self.account()) {
            let mut event = entry.payload.clone();
            self.stamp(&mut event, entry.nseq, false);
            if replayed && let Some(members) = event.as_object_mut() {
                members.insert("replayed".to_owned(), Value::Bool(true));
            }
            self.emitter.send(&entry.event, &event).await?;
            let how = if replayed { "replayed" } else { "live" };
            self.hosts.metrics.emitted.with_label_values(&[how]).inc();
            let (socket, nseq, name) = (self.socket.id, entry.nseq, entry.event.as_str());
            tracing::debug!(socket.id = %socket, nseq, event = name, how, "emitted {name}");
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

    /// What a request leads to once it is acknowledged.
    pub(super) async fn follow(&mut self, then: Then) -> Result<(), End> {
        match then {
            Then::Nothing => Ok(()),
            Then::Deliver => {
                self.catch_up().await?;
                self.tell_count().await
            }
            Then::Resync(head, reason) => self.resync(&head, reason).await,
        }
    }

    /// Says that the client must load its state anew, and goes on from the head.
    async fn resync(&mut self, head: &Head, reason: &'static str) -> Result<(), End> {
        self.epoch = Some(head.epoch);
        self.cursors.restart(head.nseq, self.account().is_some());
        let mut event = json!({ "reason": reason, "unreadCount": head.unread });
        self.stamp(&mut event, head.nseq, true);
        self.emitter.send("resync_required", &event).await?;
        self.told_count = Some(head.unread);
        self.count = None;
        self.watermark.note(Instant::now(), Places::of(&self.cursors));
        Ok(())
    }
}
