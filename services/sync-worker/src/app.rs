//! Where the parts are joined, and nowhere else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use chrono::TimeDelta;
use postrider_blobs::Objects;
use postrider_broker::{Broker, BrokerConfig, Transport};
use postrider_contracts::topology::{SYNC_WORKER_CONNECTOR, SYNC_WORKER_MAILBOX_CHANGED};
use postrider_events::dead_letters;
use postrider_events::http::HttpEventSource;
use postrider_events::outbox::Relay;
use postrider_gmail::quota::{GovernorConfig, ProjectDay, ProjectGate, SliceRule};
use postrider_gmail::{GmailMetrics, GmailTransport, Memory, TransportConfig};
use postrider_runtime::{ConfigErrors, Context, DeadLettersCommand, Env, Service};
use postrider_storage::{Db, DbConfig, Spec};
use postrider_web::extract::BodyLimit;
use postrider_web::{Health, InternalTokens, Server, ServerConfig, ServiceClient, Timeouts};
use utoipa::OpenApi;

use crate::config::{Config, NAME};
use crate::engine::google_access::GoogleAccess;
use crate::engine::{Engine, Parts, Settings};
use crate::http::api::Api;
use crate::http::doc::ApiDoc;
use crate::metrics::Metrics;
use crate::state::State;
use crate::store::days::SharedDays;
use crate::store::migrations;
use crate::store::slices::SharedSlices;
use crate::tokens::LeasedTokens;
use crate::{consumers, http, jobs};

/// What the service reaches outside itself, and what tests replace.
pub struct Deps {
    pub transport: Arc<dyn Transport>,
}

/// The service, built and not yet serving.
pub struct App {
    server: Server,
    state: State,
    transport: Arc<dyn Transport>,
    relay: Relay,
    connector: ServiceClient,
    stream_check: Duration,
    keep_deleted: TimeDelta,
    objects: Option<Objects>,
    cx: Context,
}

impl App {
    /// Where it listens: public and admin.
    pub fn addrs(&self) -> (SocketAddr, SocketAddr) {
        (self.server.addr(), self.server.admin_addr())
    }

    /// What consumers and jobs reach.
    pub fn state(&self) -> &State {
        &self.state
    }
}

fn routes(state: &State, api: Api, tokens: InternalTokens) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let document = postrider_web::openapi::document(&ApiDoc::openapi());
    let events = postrider_events::http::routes(state.db.clone());
    move |config: &mut ServiceConfig| {
        config.app_data(Data::new(api.clone())).app_data(tokens.clone());
        config.configure(&events).configure(&document).configure(http::routes);
    }
}

impl Service for App {
    const NAME: &'static str = NAME;
    const ABOUT: &'static str = "Mirrors mailboxes: incremental and full sync, the read API over mail.";
    type Config = Config;
    type Deps = Deps;

    fn load(env: &Env) -> Result<Config, ConfigErrors> {
        Config::load(env)
    }

    fn deps(config: &Config, cx: &Context) -> anyhow::Result<Deps> {
        let broker = Broker::start(BrokerConfig { url: config.amqp.url.clone(), service: NAME }, cx);
        Ok(Deps { transport: Arc::new(broker) })
    }

    async fn build(config: Config, deps: Deps, cx: Context) -> anyhow::Result<Self> {
        let Deps { transport } = deps;
        let seams = cx.seams.clone();
        // Half of the pool: live mail, routes and consumers have the rest to themselves.
        let run_connections = (config.database.max_connections / 2).max(1);
        let db = Db::connect(DbConfig::of(config.database, Spec::SYNC_WORKER))?;
        let tokens = InternalTokens::new(config.internal_keys, NAME, seams.clock.clone());
        let connector = ServiceClient::new("connector", config.connector_url, tokens.clone(), Timeouts::default());
        let gmail_metrics = GmailMetrics::register(&cx.registry)?;
        let gmail =
            GmailTransport::new(TransportConfig::new(config.gmail_api_url), seams.clock.clone(), gmail_metrics)?;
        let quota = config.quota;
        let dearest = quota.costs.dearest();
        let rule = SliceRule::new(quota.limits.sync_share(dearest), dearest);
        let days = Arc::new(SharedDays::new(db.clone()));
        let day = ProjectDay::new(quota.limits.project_per_day, days, seams.clock.clone());
        let slices = Arc::new(SharedSlices::new(db.clone()));
        let project = ProjectGate::new(rule, slices, seams.clock.clone());
        let project = Arc::new(project.with_day(day.observed_by(gmail.metrics().clone())));
        let governor = GovernorConfig { quota, ..GovernorConfig::default() };
        let leased = LeasedTokens::new(connector.clone(), seams.clock.clone());
        let access = GoogleAccess::new(db.clone(), seams.clone(), gmail.clone(), leased, governor, project);
        let metrics = Metrics::new(&cx.registry);
        let metrics = if config.metrics_per_connector { metrics.per_connector(&cx.registry) } else { metrics };
        let replica = seams.ids.uuid().to_string();
        let engine = Engine::new(Parts {
            db: db.clone(),
            access: Arc::new(access),
            seams: seams.clone(),
            settings: Settings { poll_interval: config.poll_interval, run_connections, ..Settings::default() },
            metrics: metrics.clone(),
            memory: Memory::default(),
            owner: replica.clone(),
            stop: cx.shutdown.soft.clone(),
        });
        let relay = Relay::new(db.clone(), transport.publisher(), &cx.registry);
        let state = State { db, seams, engine, metrics, replica };
        let objects = Objects::open(&config.attachment_store)?;
        let api =
            Api::new(&state, transport.publisher(), gmail.metrics().clone(), quota, cx.tasks.clone(), objects.clone());
        let listen = ServerConfig {
            name: NAME,
            listen: config.listen.addr,
            admin: config.listen.admin_addr,
            body_limit: BodyLimit::default().0,
        };
        let health = Health::new().database(&state.db).schema(&state.db, migrations());
        let server = Server::bind(listen, &cx, health, routes(&state, api, tokens))?;
        let (stream_check, keep_deleted) = (config.stream_check, config.keep_deleted);
        Ok(Self { server, state, transport, relay, connector, stream_check, keep_deleted, objects, cx })
    }

    async fn run(self) -> anyhow::Result<()> {
        let Self { server, state, transport, relay, connector, stream_check, keep_deleted, objects, cx } = self;
        relay.start(&cx.tasks, &cx.shutdown);
        let source = Arc::new(HttpEventSource::new(connector));
        let streams = consumers::start(transport.as_ref(), &state, source);
        streams.keep_caught_up("consumer.catch_up.connector", stream_check, &cx.tasks, &cx.shutdown);
        jobs::start(&cx, &state, keep_deleted, objects);
        server.run(&cx.shutdown).await
    }

    async fn migrate(env: &Env) -> anyhow::Result<()> {
        Ok(postrider_storage::migrate::command(env, &Spec::SYNC_WORKER, migrations()).await?)
    }

    async fn dead_letters(env: &Env, command: DeadLettersCommand) -> anyhow::Result<()> {
        dead_letters::run(env, Spec::SYNC_WORKER, &[SYNC_WORKER_CONNECTOR, SYNC_WORKER_MAILBOX_CHANGED], &command).await
    }
}
