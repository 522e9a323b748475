//! What a session does with what its client asks.

use postrider_contracts::TraceContext;
use postrider_domain::NotificationId;
use postrider_runtime::telemetry::span;
use serde_json::json;
use tokio::time::Instant;
use tracing::Instrument;

use super::allowance::Asked;
use super::{End, Session};
use crate::actions::Owner;
use crate::channels::socket::inbound::Incoming;
use crate::channels::socket::protocol::problem::SocketProblem;
use crate::channels::socket::protocol::request::Request;
use crate::rules::{Mark, Room};
use crate::store::notifications;
use crate::store::users::Head;

/// What follows an acknowledgement.
#[derive(Debug)]
pub(super) enum Then {
    Nothing,
    /// Rows behind the new cursor.
    Deliver,
    Resync(Head, &'static str),
}

impl Session {
    pub(super) async fn take(&mut self, incoming: Incoming) -> Result<(), End> {
        match self.allowance.take(Instant::now()) {
            Asked::Granted => {}
            Asked::Refused => return self.refuse(SocketProblem::RATE_LIMITED).await,
            Asked::Flood => return Err(self.flooded().await),
        }
        let proves = matches!(incoming.request, Ok(Request::Authenticate(_)));
        let done = match incoming.request {
            Ok(request) => {
                // What a client asks for begins a trace, as a push does.
                let trace = TraceContext::start(self.shared.seams.entropy.as_ref());
                self.answer(request, trace).instrument(span::first("socket_request", trace)).await?
            }
            Err(problem) => Err(problem),
        };
        if let Err(problem) = &done {
            self.refuse(*problem).await?;
        }
        if let Some(ack) = incoming.ack {
            let answer = match &done {
                Ok(_) => json!({ "ok": true }),
                Err(problem) => json!({ "ok": false, "code": problem.code, "message": problem.message }),
            };
            self.emitter.make_room().await?;
            // A full buffer is no loss here: the effect is durable and the event tells of it.
            let _full_or_closed = ack.send(&answer);
        }
        match done {
            Err(problem) if proves => self.unproven_ends(problem),
            Ok(Then::Nothing) | Err(_) => Ok(()),
            Ok(Then::Deliver) => {
                self.catch_up().await?;
                self.tell_count().await
            }
            Ok(Then::Resync(head, reason)) => self.resync(&head, reason).await,
        }
    }

    async fn answer(&mut self, request: Request, trace: TraceContext) -> Result<Result<Then, SocketProblem>, End> {
        match request {
            Request::Authenticate(credentials) => Ok(self.authenticate(&credentials).await?.map(|()| Then::Nothing)),
            Request::Ping { timestamp } => {
                self.emitter.send("pong", &json!({ "timestamp": timestamp })).await?;
                Ok(Ok(Then::Nothing))
            }
            Request::Subscribe { room, resume } => match self.room(&room) {
                Ok(room) => Ok(self.subscribe(room, resume).await),
                Err(problem) => Ok(Err(problem)),
            },
            Request::Unsubscribe { room } => Ok(self.room(&room).map(|room| {
                self.cursors.unsubscribe(room);
                Then::Nothing
            })),
            Request::Read(id) => Ok(self.mark(id, Mark::Read, trace).await),
            Request::Archive(id) => Ok(self.mark(id, Mark::Archived, trace).await),
        }
    }

    fn room(&self, name: &str) -> Result<Room, SocketProblem> {
        let identity = self.identity().ok_or(SocketProblem::NOT_AUTHENTICATED)?;
        Room::of_user(name, &identity.owner.user).ok_or(SocketProblem::ROOM_FORBIDDEN)
    }

    async fn mark(&self, id: NotificationId, mark: Mark, trace: TraceContext) -> Result<Then, SocketProblem> {
        let identity = self.identity().ok_or(SocketProblem::NOT_AUTHENTICATED)?;
        if !identity.owner.may_write {
            return Err(SocketProblem::SCOPE_MISSING);
        }
        let owner = Owner { tenant: &identity.owner.tenant, user: &identity.owner.user, trace: Some(trace) };
        let marked = async {
            let mut tx = self.shared.db.tenant(owner.tenant).await?;
            let changed = self.shared.actions.mark(&mut tx, owner, &[id], mark).await?;
            let there = !changed.is_empty() || notifications::find(&tx, owner.tenant, owner.user, id).await?.is_some();
            tx.commit().await?;
            Ok::<_, postrider_storage::Error>(there)
        };
        match marked.await {
            Ok(true) => Ok(Then::Nothing),
            Ok(false) => Err(SocketProblem::NOT_FOUND),
            Err(error) => {
                tracing::warn!(%error, "a notification could not be marked");
                Err(SocketProblem::UNAVAILABLE)
            }
        }
    }
}
