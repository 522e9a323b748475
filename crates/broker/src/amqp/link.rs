//! One connection that comes back for ever: connects, declares the topology, watches, starts again.
//!
//! lapin's own recovery stays off: it gives up after 16 tries and knows nothing of our order (declare before publish).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, DefaultConnectionBuilder, Event};
use postrider_contracts::Topology;
use postrider_domain::{Entropy, Secret};
use postrider_runtime::{Backoff, Shutdown};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{AmqpError, answered, queues, topology};
use crate::metrics::Metrics;
use crate::publisher::BrokerState;

/// First wait about 200 ms, never above 30 s.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));
/// A peer that says nothing for two of these is gone, in seconds.
const HEARTBEAT: u16 = 10;
/// How often a silently broken connection is looked for, beside lapin's events.
const LOOK: Duration = Duration::from_secs(1);
/// How often the depth of unrouted and dead letters is read.
const DEPTHS_EVERY: u32 = 30;

/// One life of a connection.
pub(super) struct Session {
    pub connection: Connection,
}

impl Session {
    /// Opens a channel.
    pub async fn channel(&self) -> Result<Channel, AmqpError> {
        answered(self.connection.create_channel()).await
    }
}

/// What a link is at this moment.
#[derive(Clone, Default)]
pub(super) enum LinkState {
    #[default]
    Down,
    Up {
        session: Arc<Session>,
        blocked: bool,
    },
}

/// A reader of a link: who wants to use the connection holds one.
#[derive(Clone)]
pub(super) struct Link(watch::Receiver<LinkState>);

impl Link {
    /// Looks, without waiting.
    pub fn state(&self) -> BrokerState {
        match &*self.0.borrow() {
            LinkState::Down => BrokerState::Down,
            LinkState::Up { blocked: true, .. } => BrokerState::Blocked,
            LinkState::Up { blocked: false, .. } => BrokerState::Ready,
        }
    }

    /// The connection, if there is one.
    pub fn session(&self) -> Option<Arc<Session>> {
        match &*self.0.borrow() {
            LinkState::Down => None,
            LinkState::Up { session, .. } => Some(session.clone()),
        }
    }

    /// Waits for a connection; for ever if the link has been closed.
    pub async fn up(&mut self) -> Arc<Session> {
        loop {
            if let Some(session) = self.session() {
                return session;
            }
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until this session is not usable any more, and says what the link is then.
    pub async fn unusable(&mut self, session: &Arc<Session>) -> BrokerState {
        loop {
            match &*self.0.borrow_and_update() {
                LinkState::Up { session: now, blocked: false } if Arc::ptr_eq(now, session) => {}
                LinkState::Up { session: now, blocked: true } if Arc::ptr_eq(now, session) => {
                    return BrokerState::Blocked;
                }
                LinkState::Up { .. } | LinkState::Down => return BrokerState::Down,
            }
            if self.0.changed().await.is_err() {
                return BrokerState::Down;
            }
        }
    }

    /// Waits until publishing is possible.
    pub async fn ready(&mut self) {
        if self.0.wait_for(|state| matches!(state, LinkState::Up { blocked: false, .. })).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Everything that keeps one link.
pub(super) struct Keeper {
    pub url: Secret,
    /// `publish` or `consume`: shown in RabbitMQ's list of connections beside the service's name.
    pub purpose: &'static str,
    pub service: &'static str,
    pub entropy: Arc<dyn Entropy>,
    pub shutdown: Shutdown,
    /// Cancelled when nobody holds the broker any more.
    pub unused: CancellationToken,
    pub metrics: Metrics,
    state: watch::Sender<LinkState>,
}

impl Keeper {
    /// A keeper (to be run) and the reader its users share.
    pub fn new(
        config: (&Secret, &'static str, &'static str),
        entropy: Arc<dyn Entropy>,
        life: (Shutdown, CancellationToken),
        metrics: Metrics,
    ) -> (Self, Link) {
        let (state, reader) = watch::channel(LinkState::Down);
        let ((url, service, purpose), (shutdown, unused)) = (config, life);
        (Self { url: url.clone(), purpose, service, entropy, shutdown, unused, metrics, state }, Link(reader))
    }

    /// Connects again and again until the stop: soft and nobody uses it any more, or hard.
    pub async fn keep(&self) {
        let mut attempt = 0;
        loop {
            let connected = tokio::select! {
                connected = self.connect() => connected,
                () = self.ended() => return,
            };
            match connected {
                Ok(connection) => {
                    attempt = 0;
                    self.metrics.connects.with_label_values(&[self.purpose]).inc();
                    tracing::info!(purpose = self.purpose, "connected to RabbitMQ");
                    let why = self.watch(Arc::new(Session { connection })).await;
                    self.set(LinkState::Down);
                    match why {
                        Some(why) => {
                            tracing::warn!(purpose = self.purpose, error = %why, "the connection to RabbitMQ is lost")
                        }
                        None => return,
                    }
                }
                Err(error) => {
                    tracing::warn!(purpose = self.purpose, attempt, error = %error, "RabbitMQ is not reachable");
                }
            }
            let wait = RECONNECT.delay(attempt, self.entropy.unit());
            attempt = attempt.saturating_add(1);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.ended() => return,
            }
        }
    }

    async fn connect(&self) -> Result<Connection, AmqpError> {
        let name = format!("{} ({})", self.service, self.purpose);
        let connection = open(&self.url, &name).await?;
        let channel = answered(connection.create_channel()).await?;
        topology::declare(&channel, &Topology::CURRENT).await?;
        Ok(connection)
    }

    /// Follows a connection to its end. `None`: we closed it.
    async fn watch(&self, session: Arc<Session>) -> Option<String> {
        let mut events = session.connection.events_listener().boxed();
        self.set(LinkState::Up { session: session.clone(), blocked: false });
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = 0_u32;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::error!(purpose = self.purpose, reason, "RabbitMQ blocks publishers");
                        self.set(LinkState::Up { session: session.clone(), blocked: true });
                    }
                    Some(Event::ConnectionUnblocked) => {
                        tracing::info!(purpose = self.purpose, "RabbitMQ takes messages again");
                        self.set(LinkState::Up { session: session.clone(), blocked: false });
                    }
                    Some(Event::Error(error)) => return Some(error.to_string()),
                    Some(_) => {}
                    None => return Some("the connection ended".to_owned()),
                },
                _ = look.tick() => {
                    if !session.connection.status().connected() {
                        return Some("the connection is closed".to_owned());
                    }
                    if self.purpose == "consume" && looks.is_multiple_of(DEPTHS_EVERY) {
                        queues::observe(&session, &self.metrics.depth).await;
                    }
                    looks = looks.wrapping_add(1);
                }
                () = self.ended() => {
                    // Best effort: the broker notices a closed socket too, only with a warning in its log.
                    let _late = timeout(Duration::from_secs(2), session.connection.close(200, "stopped".into())).await;
                    return None;
                }
            }
        }
    }

    fn set(&self, state: LinkState) {
        self.state.send_replace(state);
        if self.purpose == "publish" {
            self.metrics.state(Link(self.state.subscribe()).state());
        }
    }

    async fn ended(&self) {
        let unused_after_stop = async {
            self.shutdown.soft.cancelled().await;
            self.unused.cancelled().await;
        };
        tokio::select! {
            () = unused_after_stop => {}
            () = self.shutdown.hard.cancelled() => {}
        }
    }
}

/// Connects with our heartbeat and without lapin's recovery.
pub(super) async fn open(url: &Secret, name: &str) -> Result<Connection, AmqpError> {
    let mut uri: AMQPUri = url.expose().parse().map_err(AmqpError::Url)?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let builder = DefaultConnectionBuilder::new()?.with_uri(uri).with_properties(properties);
    answered(builder.connect()).await
}
