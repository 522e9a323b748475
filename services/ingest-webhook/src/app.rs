//! Joins the parts of the intake.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use postrider_broker::{Broker, BrokerConfig, BrokerState, Publisher};
use postrider_google_auth::oidc::{PushVerifier, google_keys};
use postrider_google_auth::pull::Subscription;
use postrider_google_auth::service_account::{PUBSUB_SCOPE, ServiceAccountTokens};
use postrider_runtime::{ConfigErrors, Context, Env, Service};
use postrider_storage::{Db, DbConfig};
use postrider_web::{Health, InternalTokens, Server, ServerConfig, ServiceClient, Timeouts};
use utoipa::OpenApi as _;

use crate::config::{ChannelSettings, Config, PullSettings};
use crate::confirm::Confirmer;
use crate::http::{ApiDoc, channel_routes, routes};
use crate::jobs;
use crate::metrics::Metrics;
use crate::observe;
use crate::pull::Puller;
use crate::recent::Recent;
use crate::state::{Channels, State};
use crate::store;

/// What the service reaches outside itself, and what tests replace.
pub struct Deps {
    pub publisher: Arc<dyn Publisher>,
}

/// The bound service, not yet serving.
pub struct App {
    server: Server,
    state: State,
    pull: Option<Puller>,
    cx: Context,
}

impl App {
    /// What handlers and jobs reach.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where it listens: public and admin.
    pub fn addrs(&self) -> (SocketAddr, SocketAddr) {
        (self.server.addr(), self.server.admin_addr())
    }
}

impl Service for App {
    const NAME: &'static str = "ingest-webhook";
    const ABOUT: &'static str = "Receives Gmail's pushes, verifies them and publishes them with confirm.";
    type Config = Config;
    type Deps = Deps;

    fn load(env: &Env) -> Result<Config, ConfigErrors> {
        Config::load(env)
    }

    fn deps(config: &Config, cx: &Context) -> Result<Deps> {
        let broker = Broker::start(BrokerConfig { url: config.amqp.url.clone(), service: Self::NAME }, cx);
        Ok(Deps { publisher: broker.publisher() })
    }

    async fn build(config: Config, deps: Deps, cx: Context) -> Result<Self> {
        let Deps { publisher } = deps;
        let clock = cx.seams.clock.clone();
        if config.rules.service_account.is_none() {
            observe::sender_unknown();
        }
        let jwks = google_keys(config.jwks_url, clock.clone())?;
        let tokens = config.internal_keys.map(|keys| InternalTokens::new(keys, Self::NAME, clock.clone()));
        let channels = channels(config.channels, tokens.as_ref())?;
        let state = State {
            seams: cx.seams.clone(),
            verifier: Arc::new(PushVerifier::new(jwks, config.rules, clock)),
            subscription: config.subscription,
            bodies: config.bodies,
            confirmer: Confirmer::new(publisher.clone()),
            recent: Recent::default(),
            channels,
            metrics: Metrics::new(&cx.registry),
        };
        let pull = config.pull.map(|settings| puller(settings, &state, &cx)).transpose()?;
        let data = actix_web::web::Data::new(state.clone());
        let document = postrider_web::openapi::document(&ApiDoc::openapi());
        let server = Server::bind(
            ServerConfig {
                name: Self::NAME,
                listen: config.listen.addr,
                admin: config.listen.admin_addr,
                body_limit: crate::http::LONGEST,
            },
            &cx,
            health(publisher),
            move |routing| {
                routing.app_data(data.clone());
                let known = tokens.is_some();
                if let Some(tokens) = tokens.clone() {
                    routing.app_data(tokens);
                }
                routing.configure(document.clone());
                routing.configure(routes).configure(|routing| channel_routes(routing, known));
            },
        )?;
        Ok(Self { server, state, pull, cx })
    }

    async fn run(self) -> Result<()> {
        let Self { server, state, pull, cx } = self;
        jobs::start(&cx, &state);
        if let Some(pull) = pull {
            cx.tasks.spawn("intake.pull", pull.run(cx.shutdown.clone()));
        }
        server.run(cx.shutdown).await
    }

    async fn migrate(env: &Env) -> Result<()> {
        Ok(postrider_storage::migrate::command(env, &store::SPEC, store::migrations()).await?)
    }
}

/// Who pulls, where something is to be pulled.
fn puller(settings: PullSettings, state: &State, cx: &Context) -> Result<Puller> {
    let tokens = ServiceAccountTokens::new(settings.identity, PUBSUB_SCOPE, cx.seams.clock.clone())?;
    let subscription = Subscription::new(settings.subscription, settings.api, tokens)?;
    Ok(Puller::new(state.clone(), subscription, settings.hold))
}

/// What channels need, where they are opened.
fn channels(settings: Option<ChannelSettings>, tokens: Option<&InternalTokens>) -> Result<Option<Channels>> {
    let (Some(settings), Some(tokens)) = (settings, tokens) else { return Ok(None) };
    let db = Db::connect(DbConfig::of(settings.database, store::SPEC))?;
    let connector = ServiceClient::new("connector", settings.connector.0, tokens.clone(), Timeouts::default());
    Ok(Some(Channels { db, connector, url: settings.url }))
}

/// Ready means that a push could be stored now. Channels need the database besides; pushes do not wait for it.
fn health(publisher: Arc<dyn Publisher>) -> Health {
    Health::new().check("broker", move || {
        let state = publisher.state();
        async move { if state == BrokerState::Ready { Ok(()) } else { Err(format!("{state:?}")) } }
    })
}
