//! Joins the parts. Tests start the same [`App`] with port 0, their own database and their own vhost.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use postrider_broker::{Broker, BrokerConfig, BrokerState, Publisher, Transport};
use postrider_contracts::Queue;
use postrider_contracts::topology::{NOTIFICATION_CONNECTOR, NOTIFICATION_MAILBOX};
use postrider_events::dead_letters;
use postrider_events::http::HttpEventSource;
use postrider_events::outbox::Relay;
use postrider_events::streams::EventSource;
use postrider_runtime::{ConfigErrors, Context, DeadLettersCommand, Env, Schedule, Service};
use postrider_storage::{Db, DbConfig, Spec};
use postrider_web::client_tokens::ClientTokens;
use postrider_web::{Health, InternalTokens, Server, ServerConfig, ServiceClient, Timeouts};

use crate::actions::Actions;
use crate::channels::email::{Mailer, mailer};
use crate::channels::socket::{Shared, SocketServer, Sockets};
use crate::channels::webhook::{WebhookSender, sender};
use crate::config::{Config, NAME};
use crate::consumers::Consumers;
use crate::deliveries::{self, Engine, MailIdentity, Postman};
use crate::hints::{Announcer, FanOut, Hub, Looks, ReplicaId};
use crate::mail_texts::MailTexts;
use crate::metrics::Metrics;
use crate::reconnect::ReconnectLinks;
use crate::state::State;
use crate::{http, jobs, store};

/// Largest JSON body, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;
/// Queues this service consumes.
const QUEUES: [Queue; 2] = [NOTIFICATION_CONNECTOR, NOTIFICATION_MAILBOX];

/// What the service reaches outside itself, and what tests replace: the broker, and where events it lost are pulled from.
pub struct Deps {
    pub transport: Arc<dyn Transport>,
    pub connector: Arc<dyn EventSource>,
    pub sync_worker: Arc<dyn EventSource>,
    pub reconnect: Arc<dyn ReconnectLinks>,
    /// What mails say.
    pub mail_texts: Arc<dyn MailTexts>,
}

impl Deps {
    /// This carrier, and the producers where the settings say they are.
    pub fn over(transport: Arc<dyn Transport>, config: &Config, cx: &Context) -> Self {
        let tokens = InternalTokens::new(config.internal_keys.clone(), NAME, cx.seams.clock.clone());
        let client =
            |callee: &str, url: &url::Url| ServiceClient::new(callee, url.clone(), tokens.clone(), Timeouts::default());
        let connector = client("connector", &config.connector);
        let sync_worker = client("sync-worker", &config.sync_worker);
        Self {
            transport,
            connector: Arc::new(HttpEventSource::new(connector.clone())),
            sync_worker: Arc::new(HttpEventSource::new(sync_worker.clone())),
            reconnect: Arc::new(connector),
            mail_texts: Arc::new(sync_worker),
        }
    }
}

/// The service, joined and bound, not yet running.
pub struct App {
    config: Config,
    cx: Context,
    state: State,
    transport: Arc<dyn Transport>,
    consumers: Consumers,
    fan_out: FanOut,
    looks: Looks,
    shared: Arc<Shared>,
    sockets: SocketServer,
    postman: Option<Postman>,
    server: Server,
}

impl App {
    /// Where the API listens: public and admin.
    pub fn addrs(&self) -> (SocketAddr, SocketAddr) {
        (self.server.addr(), self.server.admin_addr())
    }

    /// Where Socket.IO listens.
    pub fn socket_addr(&self) -> SocketAddr {
        self.sockets.addr()
    }

    fn start_tasks(&self) {
        let (tasks, shutdown) = (&self.cx.tasks, &self.cx.shutdown);
        // Exactly one relay a process.
        Relay::new(self.state.db.clone(), self.transport.publisher(), &self.cx.registry).start(tasks, shutdown);
        let (fan_out, stop) = (self.fan_out.clone(), shutdown.soft.clone());
        tasks.supervise("live.hints", shutdown, move || fan_out.clone().run(stop.clone()));
        // A round and the pause behind it take half of the time each.
        let (looks, half) = (self.looks.clone(), self.config.socket.check_every / 2);
        tasks.every("live.looks", half, shutdown, move || {
            let looks = looks.clone();
            async move { looks.round(half).await }
        });
        let shared = self.shared.clone();
        tasks.every("job.confirm", self.config.socket.housekeeping, shutdown, move || {
            let shared = shared.clone();
            async move { shared.sockets.confirmed.write(&shared.db).await }
        });
        self.consumers.start(self.transport.as_ref());
        let catch_ups = [
            ("consumer.catch_up.connector", &self.consumers.connector),
            ("consumer.catch_up.mailbox", &self.consumers.mailbox),
        ];
        for (name, consumer) in catch_ups {
            consumer.keep_caught_up(name, self.config.stream_check, tasks, shutdown);
        }
        let engine = self.state.engine.clone();
        let schedule = Schedule::every(deliveries::LOOK).woken_by(engine.bell.notify());
        tasks.every("deliveries", schedule, shutdown, move || {
            let engine = engine.clone();
            async move { engine.work().await }
        });
        if let Some(postman) = self.postman.clone() {
            for _ in 0..postman.workers() {
                let schedule = Schedule::every(deliveries::LOOK).woken_by(postman.bell.notify());
                let postman = postman.clone();
                tasks.every("deliveries.mail", schedule, shutdown, move || {
                    let postman = postman.clone();
                    async move { postman.until_nothing_is_due().await }
                });
            }
        }
        let digests = self.config.digests && self.postman.is_some();
        jobs::start(&self.state, self.config.retention, digests, tasks, shutdown);
    }
}

impl Service for App {
    const NAME: &'static str = NAME;
    const ABOUT: &'static str = "Turns events into notifications and brings them to sockets, in order and never lost.";
    type Config = Config;
    type Deps = Deps;

    fn load(env: &Env) -> Result<Config, ConfigErrors> {
        Config::load(env)
    }

    fn deps(config: &Config, cx: &Context) -> anyhow::Result<Deps> {
        let broker = Broker::start(BrokerConfig { url: config.amqp.clone(), service: NAME }, cx);
        Ok(Deps::over(Arc::new(broker), config, cx))
    }

    async fn build(config: Config, deps: Deps, cx: Context) -> anyhow::Result<Self> {
        let db = Db::connect(DbConfig::of(config.database.clone(), Spec::NOTIFICATION))?;
        // Sockets come back by the thousand at once; what consumes and answers must not wait behind them.
        let socket_db = db.lane((config.database.max_connections / 2).max(1));
        let transport = deps.transport;
        let (hub, metrics) = (Hub::default(), Arc::new(Metrics::new(&cx.registry)));
        let own = ReplicaId(cx.seams.ids.uuid());
        let announcer = Announcer::new(hub.clone(), transport.live(), own);
        let actions = Actions::new(cx.seams.clone(), announcer, metrics.clone(), config.retention)
            .holding(config.spam_hold)
            .mailing(config.mail.is_some());
        let origin_keys = config.origin_keys();
        let consumers = Consumers::new(&db, &actions, origin_keys, &cx.seams.clock, deps.connector, deps.sync_worker);
        let fan_out = FanOut::new(hub.clone(), transport.live(), own);
        let looks = Looks::new(hub.clone(), socket_db.clone(), cx.seams.clock.clone());
        let shared = Shared {
            db: socket_db,
            actions: actions.clone(),
            hub,
            fan_out: fan_out.clone(),
            verifier: Arc::new(ClientTokens::new(config.client_tokens.clone(), cx.seams.clock.clone())),
            seams: cx.seams.clone(),
            metrics,
            tasks: cx.tasks.clone(),
            settings: config.socket.clone(),
            sockets: Sockets::default(),
        };
        let shared = Arc::new(shared);
        let sockets = SocketServer::bind(config.socket_addr, shared.clone())
            .await
            .with_context(|| format!("SOCKETIO_ADDR {} cannot be listened on", config.socket_addr))?;
        let engine = Engine {
            db: db.clone(),
            seams: cx.seams.clone(),
            actions: actions.clone(),
            sender: WebhookSender::new(config.webhook_reach, sender::TOTAL)?,
            keys: config.webhook_keys.clone(),
            vapid: config.vapid.clone(),
            push_hosts: config.push_hosts.clone(),
            bell: actions.bell().clone(),
            metrics: shared.metrics.clone(),
        };
        let (feed_bells, stop) = (actions.feed_bells().clone(), cx.shutdown.soft.clone());
        let mail =
            MailIdentity { public: config.public.clone(), keys: config.mail_keys(), origins: config.origin_keys() };
        let postman = postman(&config, &db, &cx, &actions, (mail.clone(), deps.reconnect, shared.metrics.clone()))?;
        let mail_texts = deps.mail_texts;
        let state =
            State { db: db.clone(), seams: cx.seams.clone(), actions, engine, feed_bells, mail_texts, mail, stop };
        let tokens = InternalTokens::new(config.internal_keys.clone(), NAME, cx.seams.clock.clone());
        let listen = ServerConfig {
            name: NAME,
            listen: config.listen.addr,
            admin: config.listen.admin_addr,
            body_limit: BODY_LIMIT,
        };
        let server =
            Server::bind(listen, &cx, health(&db, transport.publisher()), http::configure(state.clone(), tokens))?;
        Ok(Self { config, cx, state, transport, consumers, fan_out, looks, shared, sockets, postman, server })
    }

    async fn run(self) -> anyhow::Result<()> {
        self.start_tasks();
        let shutdown = self.cx.shutdown.clone();
        let sockets = async { self.sockets.run(shutdown.clone()).await.context("the Socket.IO listener failed") };
        tokio::try_join!(self.server.run(shutdown.clone()), sockets)?;
        Ok(())
    }

    async fn migrate(env: &Env) -> anyhow::Result<()> {
        Ok(postrider_storage::migrate::command(env, &Spec::NOTIFICATION, store::migrations()).await?)
    }

    async fn dead_letters(env: &Env, command: DeadLettersCommand) -> anyhow::Result<()> {
        dead_letters::run(env, Spec::NOTIFICATION, &QUEUES, &command).await
    }
}

/// Sends mails, if there is a server to.
fn postman(
    config: &Config,
    db: &Db,
    cx: &Context,
    actions: &Actions,
    (identity, reconnect, metrics): (MailIdentity, Arc<dyn ReconnectLinks>, Arc<Metrics>),
) -> anyhow::Result<Option<Postman>> {
    let Some(settings) = config.mail.clone() else { return Ok(None) };
    let mailer = Mailer::new(settings, mailer::TOTAL).context("TLS for SMTP_URL cannot be set up")?;
    let (db, seams, bell) = (db.clone(), cx.seams.clone(), actions.mail_bell().clone());
    let stop = cx.shutdown.soft.clone();
    Ok(Some(Postman { db, seams, mailer, identity, reconnect, bell, metrics, stop }))
}

/// Ready means that reads and sockets can be served. Without the broker both still are, only later.
fn health(db: &Db, publisher: Arc<dyn Publisher>) -> Health {
    Health::new().database(db).schema(db, store::migrations()).watch("broker", move || {
        let state = publisher.state();
        async move { if state == BrokerState::Ready { Ok(()) } else { Err(format!("{state:?}")) } }
    })
}
