//! One task for each socket: it alone emits, so events leave in order.

mod allowance;
mod authenticate;
mod batch;
mod catch_up;
mod cursors;
mod deliver;
mod emitter;
mod end;
mod housekeep;
mod requests;
mod subscribe;
mod watermark;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use postrider_domain::ConnectorId;
use socketioxide::extract::SocketRef;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::identity::Identity;
use super::inbound::Incoming;
use super::protocol::handshake::{Handshake, Resume};
use super::protocol::problem::SocketProblem;
use super::server::transports::Transport;
use super::shared::Shared;
use crate::hints::Membership;
use crate::observe;
use allowance::Allowance;
use batch::Batch;
use cursors::Cursors;
use deliver::UnreadCount;
use emitter::{Emitter, Gone};
use watermark::Watermark;

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The socket is closed already.
    Gone,
    /// It was cut from below.
    Cut,
    /// We close it: unauthenticated, expired.
    Dismissed,
    /// We close it and its connection: it asks on and on.
    Flooding,
    /// The service stops.
    Leaving,
}

/// What a session does next.
enum Turn {
    Asked(Box<Incoming>),
    Hinted,
}

impl From<Gone> for End {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Closed => Self::Gone,
            Gone::Slow => Self::Cut,
        }
    }
}

/// What a proved socket has.
struct Authenticated {
    identity: Identity,
    /// When the token runs out.
    expires: Instant,
    membership: Membership,
}

/// The state of one socket.
pub struct Session {
    shared: Arc<Shared>,
    socket: SocketRef,
    emitter: Emitter,
    /// The socket has ended.
    gone: CancellationToken,
    opened: Instant,
    proved: Option<Authenticated>,
    /// `lastEventId` of the handshake, for the first subscription of each room.
    resume: Option<Resume>,
    cursors: Cursors,
    batch: Batch,
    epoch: Option<Uuid>,
    unread: UnreadCount,
    watermark: Watermark,
    /// The log could not be read when it was to be.
    behind: bool,
    allowance: Allowance,
}

impl Session {
    pub fn new(shared: Arc<Shared>, socket: SocketRef, transport: Arc<Transport>, gone: CancellationToken) -> Self {
        let now = Instant::now();
        let emitter = Emitter::new(socket.clone(), transport, shared.metrics.clone(), shared.settings.slow_after);
        let watermark = Watermark::new(shared.settings.confirmation());
        Self {
            shared,
            socket,
            emitter,
            gone,
            opened: now,
            proved: None,
            resume: None,
            cursors: Cursors::default(),
            batch: Batch::default(),
            epoch: None,
            unread: UnreadCount::default(),
            watermark,
            behind: false,
            allowance: Allowance::new(now),
        }
    }

    /// Serves the socket until it ends, and puts everything back.
    pub async fn run(mut self, handshake: Result<Handshake, SocketProblem>, mut inbound: mpsc::Receiver<Incoming>) {
        let shared = self.shared.clone();
        shared.sockets.open.fetch_add(1, Ordering::SeqCst);
        let end = match self.serve(handshake, &mut inbound).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        self.finish(end).await;
        shared.sockets.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn serve(
        &mut self,
        handshake: Result<Handshake, SocketProblem>,
        inbound: &mut mpsc::Receiver<Incoming>,
    ) -> Result<Infallible, End> {
        self.greet(handshake).await?;
        // Each session has its own beat: after an outage not all of them look at the same instant.
        let every = self.shared.settings.housekeeping;
        let mut tick = interval_at(Instant::now() + every.mul_f64(self.shared.seams.entropy.unit()), every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let hints = self.proved.as_ref().map(|proved| proved.membership.hints());
            let hinted = async {
                match &hints {
                    Some(hints) => hints.changed().await,
                    None => std::future::pending().await,
                }
            };
            let authenticate_by = self.opened + self.shared.settings.authenticate_within;
            let deadline = self.proved.as_ref().map_or(authenticate_by, |proved| proved.expires);
            tokio::select! {
                biased;
                () = self.gone.cancelled() => return Err(End::Gone),
                () = self.shared.sockets.leaving.cancelled() => return Err(End::Leaving),
                () = sleep_until(deadline) => return Err(self.out_of_time().await),
                // Before what comes in: a client that never stops asking must not keep housekeeping from cutting it.
                _ = tick.tick() => self.housekeep().await?,
                // Neither of these two may starve the other, so their order is left to chance.
                turn = async {
                    tokio::select! {
                        Some(incoming) = inbound.recv() => Turn::Asked(Box::new(incoming)),
                        () = hinted => Turn::Hinted,
                    }
                } => match turn {
                    Turn::Asked(incoming) => self.take(*incoming).await?,
                    Turn::Hinted => self.take_hints().await?,
                },
            }
        }
    }

    async fn greet(&mut self, handshake: Result<Handshake, SocketProblem>) -> Result<(), End> {
        match handshake {
            Ok(handshake) => {
                self.resume = handshake.resume;
                self.batch.wanted = handshake.batches;
                match handshake.credentials {
                    Some(credentials) => match self.authenticate(&credentials).await? {
                        Ok(()) => Ok(()),
                        Err(problem) => {
                            self.refuse(problem).await?;
                            self.unproven_ends(problem)
                        }
                    },
                    None => Ok(()),
                }
            }
            Err(problem) => {
                self.refuse(problem).await?;
                Err(End::Dismissed)
            }
        }
    }

    /// Tells the client what was wrong.
    async fn refuse(&mut self, problem: SocketProblem) -> Result<(), End> {
        observe::socket_refused(&self.shared.metrics, problem.code);
        Ok(self.emitter.send("error", &problem).await?)
    }

    /// Who the socket belongs to, once that is proved.
    fn identity(&self) -> Option<&Identity> {
        self.proved.as_ref().map(|proved| &proved.identity)
    }

    /// The account the client wants to hear of, if it named one.
    fn account(&self) -> Option<ConnectorId> {
        self.identity()?.account
    }
}
