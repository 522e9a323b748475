//! What a session does with what its client asks.

use chrono::TimeDelta;
use postrider_contracts::TraceContext;
use postrider_domain::NotificationId;
use postrider_runtime::telemetry::span;
use serde_json::json;
use tokio::time::Instant;
use tracing::Instrument;

use super::delivery::Then;
use super::{BURST, End, PER_SECOND, Session};
use crate::changes::Whose;
use crate::rules::Room;
use crate::socket::identity::{Identity, identify};
use crate::socket::incoming::{Credentials, Incoming, Request, Resume};
use crate::socket::problem::SocketProblem;
use crate::store::mark::Mark;
use crate::store::{accounts, notifications};

/// How far the issuer's clock may differ.
const SKEW: TimeDelta = TimeDelta::seconds(30);

impl Session {
    pub(super) async fn take(&mut self, incoming: Incoming) -> Result<(), End> {
        if !self.within_allowance() {
            return self.refuse(SocketProblem::RATE_LIMITED).await;
        }
        let done = match incoming.request {
            Ok(request) => {
                // What a client asks for begins a trace, as a push does.
                let trace = TraceContext::start(self.hosts.seams.entropy.as_ref());
                self.answer(request, trace).instrument(span::job("socket_request", trace)).await?
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
            // A full buffer is no loss here: the effect is durable and the event tells of it.
            let _full_or_closed = ack.send(&answer);
        }
        match done {
            Ok(then) => self.follow(then).await,
            Err(_told) => Ok(()),
        }
    }

    /// A bucket: more than [`PER_SECOND`] for long is refused.
    fn within_allowance(&mut self) -> bool {
        let now = Instant::now();
        let refill = now.duration_since(self.refilled).as_secs_f64() * PER_SECOND;
        self.refilled = now;
        self.allowance = (self.allowance + refill).min(BURST);
        if self.allowance < 1.0 {
            return false;
        }
        self.allowance -= 1.0;
        true
    }

    async fn answer(&mut self, request: Request, trace: TraceContext) -> Result<Result<Then, SocketProblem>, End> {
        match request {
            Request::Authenticate(credentials) => {
                self.authenticate(&credentials).await?;
                Ok(Ok(Then::Nothing))
            }
            Request::Ping { timestamp } => {
                self.emitter.send("pong", &json!({ "timestamp": timestamp })).await?;
                Ok(Ok(Then::Nothing))
            }
            Request::Subscribe { room, resume } => Ok(self.subscribe_to(&room, resume).await),
            Request::Unsubscribe { room } => Ok(self.unsubscribe_from(&room).map(|()| Then::Nothing)),
            Request::Read(id) => Ok(self.mark(id, Mark::Read, trace).await.map(|()| Then::Nothing)),
            Request::Archive(id) => Ok(self.mark(id, Mark::Archived, trace).await.map(|()| Then::Nothing)),
        }
    }

    /// Proves who it is. A wrong token ends an unproven socket; a proven one may renew its token, not its owner.
    pub(super) async fn authenticate(&mut self, credentials: &Credentials) -> Result<(), End> {
        let identity = match identify(&self.hosts.verifier, credentials).await {
            Ok(identity) => self.check_account(identity).await,
            Err(problem) => Err(problem),
        };
        let known = self.identity.as_ref().map(|known| (known.owner.tenant.clone(), known.owner.user.clone()));
        let identity = match (identity, known) {
            (Err(problem), Some(_)) => return self.refuse(problem).await,
            (Err(problem), None) => {
                self.refuse(problem).await?;
                // The database being away says nothing about the token: the client may try again.
                return if problem == SocketProblem::UNAVAILABLE { Ok(()) } else { Err(End::Dismissed) };
            }
            (Ok(new), Some((tenant, user))) if new.owner.tenant != tenant || new.owner.user != user => {
                return self.refuse(SocketProblem::IDENTITY_MISMATCH).await;
            }
            (Ok(new), _) => new,
        };
        let answer = json!({
            "userId": identity.owner.user, "accountId": identity.account, "tenantId": identity.owner.tenant,
        });
        if self.identity.is_none() {
            let (tenant, user, most) = (&identity.owner.tenant, &identity.owner.user, self.hosts.settings.per_user);
            let Some(membership) = self.hosts.hub.join(tenant, user, most) else {
                self.refuse(SocketProblem::TOO_MANY_SOCKETS).await?;
                return Err(End::Dismissed);
            };
            self.membership = Some(membership);
            self.hosts.metrics.sockets.inc();
            self.hosts.fan_out.enter(tenant).await;
        }
        self.expires = Some(Instant::now() + self.lifetime(&identity));
        self.identity = Some(identity);
        Ok(self.emitter.send("authenticated", &answer).await?)
    }

    /// How long the token still counts; a far future is cut so that no timer overflows. The verifier allows the
    /// issuer's clock to differ by [`SKEW`], so does this.
    fn lifetime(&self, identity: &Identity) -> std::time::Duration {
        let left = identity.owner.expires_at + SKEW - self.hosts.seams.clock.now();
        left.clamp(TimeDelta::zero(), TimeDelta::days(365)).to_std().unwrap_or_default()
    }

    /// A narrowing account must be the user's own.
    async fn check_account(&self, identity: Identity) -> Result<Identity, SocketProblem> {
        let Some(account) = identity.account else { return Ok(identity) };
        let found = async {
            let tx = self.hosts.db.tenant(&identity.owner.tenant).await?;
            let found = accounts::find(&tx, &identity.owner.tenant, account).await?;
            tx.commit().await?;
            Ok::<_, postrider_storage::Error>(found)
        };
        match found.await {
            Ok(Some(found)) if found.owner == identity.owner.user => Ok(identity),
            Ok(_) => Err(SocketProblem::IDENTITY_MISMATCH),
            Err(error) => {
                tracing::warn!(%error, "an account could not be looked up");
                Err(SocketProblem::UNAVAILABLE)
            }
        }
    }

    fn room(&self, name: &str) -> Result<Room, SocketProblem> {
        let identity = self.identity.as_ref().ok_or(SocketProblem::NOT_AUTHENTICATED)?;
        Room::of_user(name, &identity.owner.user).ok_or(SocketProblem::ROOM_FORBIDDEN)
    }

    async fn subscribe_to(&mut self, room: &str, resume: Option<Resume>) -> Result<Then, SocketProblem> {
        let room = self.room(room)?;
        self.subscribe(room, resume).await
    }

    fn unsubscribe_from(&mut self, room: &str) -> Result<(), SocketProblem> {
        let room = self.room(room)?;
        if let Some(cursor) = self.cursors.get(room) {
            self.remember(room, cursor);
        }
        self.cursors.unsubscribe(room);
        Ok(())
    }

    async fn mark(&self, id: NotificationId, how: Mark, trace: TraceContext) -> Result<(), SocketProblem> {
        let identity = self.identity.as_ref().ok_or(SocketProblem::NOT_AUTHENTICATED)?;
        if !identity.owner.may_write {
            return Err(SocketProblem::SCOPE_MISSING);
        }
        let whose = Whose { tenant: &identity.owner.tenant, user: &identity.owner.user, trace: Some(trace) };
        let marked = async {
            let mut tx = self.hosts.db.tenant(whose.tenant).await?;
            let changed = self.hosts.changes.mark(&mut tx, whose, &[id], how).await?;
            let there = !changed.is_empty() || notifications::find(&tx, whose.tenant, whose.user, id).await?.is_some();
            tx.commit().await?;
            Ok::<_, postrider_storage::Error>(there)
        };
        match marked.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(SocketProblem::NOT_FOUND),
            Err(error) => {
                tracing::warn!(%error, "a notification could not be marked");
                Err(SocketProblem::UNAVAILABLE)
            }
        }
    }
}
