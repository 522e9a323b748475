//! Joins the parts of the intake.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use futures_util::future::LocalBoxFuture;
use postrider_broker::{Broker, BrokerConfig, BrokerState, Publisher};
use postrider_google_auth::oidc::{Jwks, PushVerifier};
use postrider_runtime::{ConfigErrors, Context, Env, Service};
use postrider_web::{Health, InternalTokens, Server, ServerConfig};
use utoipa::OpenApi as _;

use crate::config::Config;
use crate::confirm;
use crate::http::{ApiDoc, routes};
use crate::metrics::Metrics;
use crate::recent::Recent;
use crate::state::State;
use crate::store;

/// What the service reaches outside itself, and what tests replace.
pub struct Deps {
    pub publisher: Arc<dyn Publisher>,
}

/// The bound service, not yet serving.
pub struct App {
    addr: SocketAddr,
    admin_addr: SocketAddr,
    serving: LocalBoxFuture<'static, Result<()>>,
}

impl App {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where its metrics are.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
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
            tracing::warn!("PUBSUB_SERVICE_ACCOUNT is not set: every push is refused");
        }
        let jwks = Jwks::new(config.jwks_url, clock.clone())?;
        let (confirmer, collector) = confirm::channel(publisher.clone());
        cx.tasks.spawn("collect pushes", collector.run(cx.shutdown.hard.clone()));
        let state = State {
            seams: cx.seams.clone(),
            verifier: Arc::new(PushVerifier::new(jwks, config.rules, clock)),
            subscription: config.subscription,
            bodies: config.bodies,
            confirmer,
            recent: Recent::default(),
            metrics: Metrics::new(&cx.registry),
        };
        let data = actix_web::web::Data::new(state);
        let tokens = config.internal_keys.map(|keys| InternalTokens::new(keys, Self::NAME, cx.seams.clock.clone()));
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
                if let Some(tokens) = tokens.clone() {
                    routing.app_data(tokens);
                }
                routing.configure(document.clone());
                routing.configure(routes);
            },
        )?;
        let (addr, admin_addr) = (server.addr(), server.admin_addr());
        Ok(Self { addr, admin_addr, serving: Box::pin(server.run(cx.shutdown)) })
    }

    async fn run(self) -> Result<()> {
        self.serving.await
    }

    async fn migrate(env: &Env) -> Result<()> {
        Ok(postrider_storage::migrate::command(env, &store::SPEC, store::migrations()).await?)
    }
}

/// Ready means that a push could be stored now.
fn health(publisher: Arc<dyn Publisher>) -> Health {
    Health::new().check("broker", move || {
        let state = publisher.state();
        async move { if state == BrokerState::Ready { Ok(()) } else { Err(format!("{state:?}")) } }
    })
}
