//! Where the parts are joined, and nowhere else.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use postrider_broker::{Broker, BrokerConfig, Transport};
use postrider_contracts::topology::CONNECTOR_MAILBOX_CHANGED;
use postrider_events::dead_letters;
use postrider_events::outbox::Relay;
use postrider_runtime::{ConfigErrors, Context, DeadLettersCommand, Env, Service};
use postrider_storage::{Db, DbConfig, Spec};
use postrider_web::extract::BodyLimit;
use postrider_web::{Health, InternalTokens, Server, ServerConfig};
use utoipa::OpenApi;

use crate::config::{Bootstrap, Config, NAME};
use crate::http::doc::ApiDoc;
use crate::metrics::Metrics;
use crate::state::{Gates, Google, Parts, State, Wake};
use crate::{consumers, http, jobs, rotate_keys, store};

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
    bootstrap: Option<Bootstrap>,
    cx: Context,
}

impl App {
    /// Where it listens: public and admin.
    pub fn addrs(&self) -> (SocketAddr, SocketAddr) {
        (self.server.addr(), self.server.admin_addr())
    }

    /// What handlers and jobs reach.
    pub fn state(&self) -> &State {
        &self.state
    }
}

fn routes(state: &State, tokens: InternalTokens) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (state, document) = (state.clone(), postrider_web::openapi::document(&ApiDoc::openapi()));
    let events = postrider_events::http::routes(state.db.clone());
    move |config: &mut ServiceConfig| {
        config.app_data(Data::new(state.clone())).app_data(tokens.clone());
        config.configure(&events).configure(&document).configure(http::routes);
    }
}

impl Service for App {
    const NAME: &'static str = NAME;
    const ABOUT: &'static str = "Connected accounts: OAuth, sealed credentials, access-token leases, watches.";
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
        let db = Db::connect(DbConfig::of(config.database, Spec::CONNECTOR))?;
        let google = match config.google {
            Some(settings) => Some(Google::new(settings, cx.seams.clock.clone(), &cx.registry)?),
            None => {
                tracing::warn!("no GOOGLE_CLIENT_ID: connecting accounts answers 503");
                None
            }
        };
        let relay = Relay::new(db.clone(), transport.publisher(), &cx.registry);
        let state = State::new(Parts {
            db,
            seams: cx.seams.clone(),
            tasks: cx.tasks.clone(),
            vault: config.vault,
            settings: config.settings,
            metrics: Metrics::new(&cx.registry),
            google,
            wake: Wake::default(),
            gates: Gates::default(),
            replica: cx.seams.ids.uuid(),
        });
        let tokens = InternalTokens::new(config.internal_keys, NAME, cx.seams.clock.clone());
        let listen = ServerConfig {
            name: NAME,
            listen: config.listen.addr,
            admin: config.listen.admin_addr,
            body_limit: BodyLimit::default().0,
        };
        let health = Health::new().database(&state.db).schema(&state.db, store::migrations());
        let server = Server::bind(listen, &cx, health, routes(&state, tokens))?;
        Ok(Self { server, state, transport, relay, bootstrap: config.bootstrap, cx })
    }

    async fn run(self) -> anyhow::Result<()> {
        let Self { server, state, transport, relay, bootstrap, cx } = self;
        relay.start(&cx.tasks, &cx.shutdown);
        consumers::start(transport.as_ref(), &state);
        jobs::start(&cx, &state, bootstrap);
        server.run(&cx.shutdown).await
    }

    async fn migrate(env: &Env) -> anyhow::Result<()> {
        Ok(postrider_storage::migrate::command(env, &Spec::CONNECTOR, store::migrations()).await?)
    }

    async fn rotate_keys(env: &Env) -> anyhow::Result<()> {
        rotate_keys::command(env).await
    }

    async fn dead_letters(env: &Env, command: DeadLettersCommand) -> anyhow::Result<()> {
        dead_letters::run(env, Spec::CONNECTOR, &[CONNECTOR_MAILBOX_CHANGED], &command).await
    }
}
