//! How a session ends: what the client is told, and what is put back.

use std::time::Duration;

use tokio::time::Instant;

use super::{End, Session};
use crate::channels::socket::protocol::event_id::{EventId, Place};
use crate::channels::socket::protocol::handshake::Resume;
use crate::channels::socket::protocol::problem::SocketProblem;
use crate::observe;
use crate::rules::Room;

/// How long a good-bye may take to leave before the connection is cut.
const FAREWELL: Duration = Duration::from_millis(500);

impl Session {
    /// Ends a session whose time is over, however much there is still to send: its socket is gone, the service stops,
    /// or its token ran out.
    pub(super) async fn may_go_on(&mut self) -> Result<(), End> {
        if self.gone.is_cancelled() {
            return Err(End::Gone);
        }
        if self.shared.sockets.leaving.is_cancelled() {
            return Err(End::Leaving);
        }
        match &self.proved {
            Some(proved) if proved.expires <= Instant::now() => Err(self.out_of_time().await),
            _ => Ok(()),
        }
    }

    pub(super) async fn out_of_time(&mut self) -> End {
        let problem =
            if self.proved.is_some() { SocketProblem::TOKEN_EXPIRED } else { SocketProblem::NOT_AUTHENTICATED };
        match self.refuse(problem).await {
            Ok(()) => End::Dismissed,
            Err(end) => end,
        }
    }

    /// Says that it asks too much; there is nothing more to say to it.
    pub(super) async fn flooded(&mut self) -> End {
        match self.refuse(SocketProblem::RATE_LIMITED).await {
            Ok(()) => End::Flooding,
            Err(end) => end,
        }
    }

    /// Puts everything back. Nothing more is confirmed here: neither a good-bye nor a silence says what arrived, and
    /// what housekeeping did not confirm comes again.
    pub(super) async fn finish(mut self, end: End) {
        if end == End::Leaving {
            self.leave().await;
        }
        if end == End::Dismissed {
            observe::socket_cut(&self.shared.metrics, "dismissed");
            // With a full buffer there is no room for the good-bye, and socketioxide leaves such a socket open.
            if self.socket.clone().disconnect().is_err() {
                self.emitter.close_transport();
            }
        }
        if end == End::Flooding {
            observe::socket_cut(&self.shared.metrics, "flood");
            // The good-bye makes the official client stay away; one of another kind would go on over the open connection.
            let _full_or_closed = self.socket.clone().disconnect();
            tokio::time::sleep(FAREWELL).await;
            self.emitter.close_transport();
        }
        if let Some(proved) = self.proved.take() {
            self.shared.metrics.sockets.dec();
            // At the stop the broker's client goes too, and takes every binding with it.
            if !self.shared.sockets.leaving.is_cancelled() {
                self.shared.fan_out.leave(&proved.identity.owner.tenant).await;
            }
        }
        self.shared.sockets.transports.forget(&self.socket.id.to_string());
    }

    /// Says that the server restarts and goes after a moment of its own, so that not all come back at once.
    async fn leave(&mut self) {
        let spread = self.shared.settings.drain.mul_f64(0.8 * self.shared.seams.entropy.unit());
        let retry_in = 1_000 + u64::try_from(spread.as_millis()).unwrap_or(0);
        let mut event = serde_json::json!({ "retryIn": retry_in });
        if let Some(id) = self.last_place().await {
            id.stamp(id.lowest(), &mut event);
        }
        if self.emitter.send("server_restart", &event).await.is_err() {
            return;
        }
        tokio::select! {
            () = self.gone.cancelled() => {}
            () = tokio::time::sleep(spread) => {
                self.emitter.close_transport();
            }
        }
    }

    /// Where a client that gives this id back goes on: where its rooms are, else where they would have started. None
    /// without an owner, whose log alone gives it a meaning, or while the database is away.
    async fn last_place(&self) -> Option<EventId> {
        if let Some(id) = self.place(false) {
            return Some(id);
        }
        self.proved.as_ref()?;
        if let Some(Resume::At(id)) = self.resume {
            return Some(id);
        }
        match self.head().await {
            Ok(head) => {
                let of = |room| Some(Place::whole(head.watermark(room)));
                let (notifications, sync) = (of(Room::Notifications), of(Room::Sync));
                Some(EventId { epoch: head.epoch, notifications, sync, count: false })
            }
            Err(error) => {
                tracing::warn!(%error, "a user's place could not be read");
                None
            }
        }
    }
}
