//! The simulator as a server: its parts joined, bound to a loopback port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use postrider_domain::{Clock, SystemClock, Timestamp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::faults::Faults;
use crate::gate::{Gate, Quota};
use crate::oauth::keys::{KeyError, Keys};
use crate::oauth::{OAuth, OAuthConfig};
use crate::pubsub::PubSub;
use crate::push::{PushConfig, Pusher, Queue};
use crate::world::{MailboxSpec, SimError, World};
use crate::{control, http};

/// Settings of a simulator.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Loopback address to listen on; port 0 takes a free one.
    pub addr: SocketAddr,
    /// The same seed gives the same mailboxes and keys.
    pub seed: u64,
    /// Mailboxes that are there from the start.
    pub mailboxes: Vec<MailboxSpec>,
    /// The clock below the world's own.
    pub clock: Arc<dyn Clock>,
    pub oauth: OAuthConfig,
    pub push: PushConfig,
    /// Default: no limits.
    pub quota: Quota,
    /// How odd its mailboxes are; default: not at all.
    pub faults: Faults,
    /// `iss` of all tokens.
    pub issuer: String,
    /// HTTP worker threads.
    pub workers: usize,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            seed: 1,
            mailboxes: Vec::new(),
            clock: Arc::new(SystemClock),
            oauth: OAuthConfig::default(),
            push: PushConfig::default(),
            quota: Quota::off(),
            faults: Faults::Off,
            issuer: "https://accounts.google.com".to_owned(),
            workers: 2,
        }
    }
}

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("gmail-sim listens on loopback only, not on {0}: it answers anyone who asks")]
    NotLoopback(SocketAddr),
    #[error("{0} cannot be listened on: {1}")]
    Bind(SocketAddr, std::io::Error),
    #[error(transparent)]
    Mailbox(#[from] SimError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the push client cannot be built: {0}")]
    Push(#[from] reqwest::Error),
}

/// The parts of a running simulator; a clone is another handle.
#[derive(Clone)]
pub struct Sim {
    pub world: World,
    pub gate: Arc<Gate>,
    pub oauth: Arc<OAuth>,
    pub keys: Arc<Keys>,
    pub pubsub: Arc<PubSub>,
    pub(crate) pusher: Arc<Pusher>,
    pub(crate) issuer: Arc<str>,
    pub(crate) seed: u64,
    clock: Arc<dyn Clock>,
}

impl Sim {
    /// Builds the parts without listening.
    pub fn build(config: &SimConfig) -> Result<Self, StartError> {
        let world = World::new(config.seed, config.clock.clone());
        world.set_faults(config.faults);
        for spec in &config.mailboxes {
            world.create_mailbox(spec)?;
        }
        let pusher = Arc::new(Pusher::new(config.push.clone(), config.seed)?);
        let wake = Arc::downgrade(&pusher);
        world.on_wake(move || {
            if let Some(pusher) = wake.upgrade() {
                pusher.wake.notify_one();
            }
        });
        Ok(Self {
            world,
            gate: Arc::new(Gate::new(config.quota.clone(), config.seed)),
            oauth: Arc::new(OAuth::new(config.oauth.clone(), config.seed)),
            keys: Arc::new(Keys::new(config.seed)?),
            pubsub: Arc::new(PubSub::new(&config.push)),
            pusher,
            issuer: config.issuer.as_str().into(),
            seed: config.seed,
            clock: config.clock.clone(),
        })
    }

    /// The time signed tokens carry: the clock below the world's, so that moving the world does not make them expire
    /// for a verifier that lives in real time.
    pub fn token_time(&self) -> Timestamp {
        self.clock.now()
    }

    /// The push subscription's settings.
    pub fn push_config(&self) -> PushConfig {
        self.pusher.config()
    }

    /// Points the push subscription elsewhere.
    pub fn configure_push(&self, config: PushConfig) {
        self.pubsub.adopt(&config);
        self.pusher.configure(config);
    }

    /// Looks at or changes the push queue: faults, log, counts.
    pub fn push_queue<T>(&self, look: impl FnOnce(&mut Queue) -> T) -> T {
        let seen = look(&mut self.pusher.queue());
        self.pusher.wake.notify_one();
        seen
    }

    /// Signs any claims with Google's simulated key, for tests that forge push tokens.
    pub fn sign(&self, claims: &serde_json::Value) -> Result<String, KeyError> {
        self.keys.sign(claims)
    }
}

/// A running simulator. Stops when dropped.
pub struct SimServer {
    sim: Sim,
    addr: SocketAddr,
    handle: ServerHandle,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl SimServer {
    /// Starts a simulator in this process.
    pub async fn start(config: SimConfig) -> Result<Self, StartError> {
        if !config.addr.ip().is_loopback() {
            return Err(StartError::NotLoopback(config.addr));
        }
        let sim = Sim::build(&config)?;
        let bind = |error| StartError::Bind(config.addr, error);
        let listener = TcpListener::bind(config.addr).map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let data = web::Data::new(sim.clone());
        let server = HttpServer::new(move || {
            App::new().app_data(data.clone()).configure(http::routes).configure(control::routes)
        })
        .workers(config.workers)
        .disable_signals()
        .shutdown_timeout(1)
        .listen_auto_h2c(listener)
        .map_err(bind)?
        .run();
        let (handle, stop, tasks) = (server.handle(), CancellationToken::new(), TaskTracker::new());
        tasks.spawn(server);
        tasks.spawn(Pusher::run(sim.clone(), stop.clone()));
        tracing::info!(%addr, mailboxes = config.mailboxes.len(), "the simulated Google listens");
        Ok(Self { sim, addr, handle, stop, tasks })
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The mailboxes.
    pub fn world(&self) -> &World {
        &self.sim.world
    }

    /// All parts.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// Stops and waits until the port is free.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.handle.stop(false).await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for SimServer {
    fn drop(&mut self) {
        self.stop.cancel();
        // The command is sent at once; only waiting for the end would need the future.
        drop(self.handle.stop(false));
    }
}
