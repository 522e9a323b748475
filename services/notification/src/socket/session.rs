//! One task for each socket: it alone emits, so events leave in order.

mod delivery;
mod ending;
mod requests;
mod subscribing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_domain::Seams;
use postrider_runtime::Tasks;
use postrider_storage::Db;
use socketioxide::extract::SocketRef;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::cursor::{Cursor, Cursors};
use super::emitter::{Emitter, Gone};
use super::event_id::EventId;
use super::identity::{Identity, TokenVerifier};
use super::incoming::{Handshake, Inbound, Incoming, Resume};
use super::namespace::Closing;
use super::problem::SocketProblem;
use super::settings::Settings;
use super::transports::{Transport, Transports};
use super::watermark::{Places, Watermark};
use crate::changes::Changes;
use crate::live::{FanOut, Hub, Membership};
use crate::metrics::Metrics;
use crate::observe::SocketRefused;
use crate::store::users;

/// What every session of the replica shares.
pub struct Hosts {
    pub db: Db,
    pub changes: Changes,
    pub hub: Hub,
    pub fan_out: FanOut,
    pub verifier: Arc<dyn TokenVerifier>,
    pub seams: Seams,
    pub metrics: Arc<Metrics>,
    pub transports: Transports,
    pub settings: Settings,
    pub tasks: Tasks,
    /// Replays under way; more wait.
    pub replays: Semaphore,
    /// The soft stop began.
    pub leaving: CancellationToken,
    pub open: AtomicUsize,
}

impl Hosts {
    /// Sessions whose task runs.
    pub fn sessions(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The socket is closed already.
    Gone,
    /// It was cut from below.
    Cut,
    /// We close it: unauthenticated, expired, flooding.
    Dismissed,
    /// The service stops.
    Leaving,
}

impl From<Gone> for End {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Closed => Self::Gone,
            Gone::Slow => Self::Cut,
        }
    }
}

/// The state of one socket.
pub struct Session {
    hosts: Arc<Hosts>,
    socket: SocketRef,
    emitter: Emitter,
    closing: Closing,
    opened: Instant,
    identity: Option<Identity>,
    expires: Option<Instant>,
    membership: Option<Membership>,
    /// `lastEventId` of the handshake, for the first subscription of each room.
    resume: Option<Resume>,
    cursors: Cursors,
    /// Where a room was when it was unsubscribed.
    left: [Option<Cursor>; 2],
    epoch: Option<Uuid>,
    /// Unread count and number after the last entry seen, and the count the client was last told.
    count: Option<(i64, i64)>,
    told_count: Option<i64>,
    watermark: Watermark,
    last_check: Instant,
    /// Requests the client may still make at once.
    allowance: f64,
    refilled: Instant,
}

/// Requests a client may make at once, and each second.
const BURST: f64 = 250.0;
const PER_SECOND: f64 = 50.0;

impl Session {
    pub fn new(hosts: Arc<Hosts>, socket: SocketRef, transport: Arc<Transport>, closing: Closing) -> Self {
        let now = Instant::now();
        let emitter = Emitter::new(socket.clone(), transport, hosts.metrics.clone(), hosts.settings.slow_after);
        let watermark = Watermark::new(hosts.settings.confirmation());
        Self {
            hosts,
            socket,
            emitter,
            closing,
            opened: now,
            identity: None,
            expires: None,
            membership: None,
            resume: None,
            cursors: Cursors::default(),
            left: [None, None],
            epoch: None,
            count: None,
            told_count: None,
            watermark,
            last_check: now,
            allowance: BURST,
            refilled: now,
        }
    }

    /// Serves the socket until it ends, and puts everything back.
    pub async fn run(mut self, handshake: Result<Handshake, SocketProblem>, mut inbound: mpsc::Receiver<Incoming>) {
        let hosts = self.hosts.clone();
        hosts.open.fetch_add(1, Ordering::SeqCst);
        let end = match self.serve(handshake, &mut inbound).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        self.finish(end).await;
        hosts.open.fetch_sub(1, Ordering::SeqCst);
    }

    async fn serve(
        &mut self,
        handshake: Result<Handshake, SocketProblem>,
        inbound: &mut mpsc::Receiver<Incoming>,
    ) -> Result<std::convert::Infallible, End> {
        self.greet(handshake).await?;
        let mut tick = interval(self.hosts.settings.housekeeping);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let hints = self.membership.as_ref().map(Membership::hints);
            let told = async {
                match &hints {
                    Some(hints) => hints.changed().await,
                    None => std::future::pending().await,
                }
            };
            let deadline = self.expires.unwrap_or(self.opened + self.hosts.settings.authenticate_within);
            tokio::select! {
                biased;
                () = self.closing.gone.cancelled() => return Err(End::Gone),
                () = self.hosts.leaving.cancelled() => return Err(End::Leaving),
                () = sleep_until(deadline) => return Err(self.out_of_time().await),
                Some(incoming) = inbound.recv() => self.take(incoming).await?,
                () = told => self.drain().await?,
                _ = tick.tick() => self.housekeep().await?,
            }
        }
    }

    async fn greet(&mut self, handshake: Result<Handshake, SocketProblem>) -> Result<(), End> {
        match handshake {
            Ok(handshake) => {
                self.resume = handshake.resume;
                match handshake.credentials {
                    Some(credentials) => self.authenticate(&credentials).await,
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
        SocketRefused { code: problem.code }.emit(&self.hosts.metrics);
        Ok(self.emitter.send("error", &problem).await?)
    }

    async fn housekeep(&mut self) -> Result<(), End> {
        self.emitter.check_stalled()?;
        if self.socket.extensions.get::<Inbound>().is_some_and(|inbound| inbound.is_flooded()) {
            self.refuse(SocketProblem::RATE_LIMITED).await?;
            return Err(End::Dismissed);
        }
        let now = Instant::now();
        if let Some(places) = self.watermark.confirm(now) {
            self.confirm(places).await;
        }
        if now.duration_since(self.last_check) >= self.hosts.settings.check_every {
            self.last_check = now;
            self.catch_up().await?;
            self.tell_count().await?;
        }
        Ok(())
    }

    /// Writes what the client certainly received; if that fails it is only repeated later.
    async fn confirm(&self, places: Places) {
        let Some(identity) = &self.identity else { return };
        let (tenant, user) = (&identity.owner.tenant, &identity.owner.user);
        let written = async {
            let tx = self.hosts.db.tenant(tenant).await?;
            users::confirm(&tx, tenant, user, places.notifications, places.sync).await?;
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "a watermark could not be written");
        }
    }

    /// The account the client wants to hear of, if it named one.
    fn account(&self) -> Option<Uuid> {
        self.identity.as_ref()?.account.map(|account| account.0)
    }

    /// Adds `eventId` and `nseq`.
    fn stamp(&self, event: &mut serde_json::Value, nseq: i64, count: bool) {
        if let Some(epoch) = self.epoch {
            stamp(event, EventId { epoch, nseq, count, partial: self.cursors.is_partial() });
        }
    }
}

fn stamp(event: &mut serde_json::Value, id: EventId) {
    if let Some(members) = event.as_object_mut() {
        members.insert("eventId".to_owned(), id.to_string().into());
        members.insert("nseq".to_owned(), id.nseq.into());
    }
}
