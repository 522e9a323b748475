//! Joins the parts of the gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use postrider_runtime::{ConfigErrors, Context, Env, Service, Shutdown};
use postrider_storage::{Db, DbConfig};
use postrider_web::client_tokens::{ClientTokens, TokenIssuer};
use postrider_web::{Health, InternalTokens, Server, ServerConfig};

use crate::config::Config;
use crate::drain::Drain;
use crate::http::routes;
use crate::jobs;
use crate::keys::ApiKeys;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::observe;
use crate::openapi::catalog::Catalog;
use crate::proofs::Proofs;
use crate::proxy::{LONGEST, Proxy};
use crate::routes::Service as Upstream;
use crate::state::State;
use crate::store;
use crate::tunnel::{self, Places, Replicas, Sessions};

/// The bound service, not yet serving.
pub struct App {
    server: Server,
    shutdown: Shutdown,
}

impl App {
    /// Where it listens: public and admin.
    pub fn addrs(&self) -> (SocketAddr, SocketAddr) {
        (self.server.addr(), self.server.admin_addr())
    }
}

impl Service for App {
    const NAME: &'static str = "gateway";
    const ABOUT: &'static str = "The public origin: verifies clients, limits rates, maps routes, tunnels Socket.IO.";
    type Config = Config;
    type Deps = ();

    fn load(env: &Env) -> Result<Config, ConfigErrors> {
        Config::load(env)
    }

    fn deps(_config: &Config, _cx: &Context) -> Result<()> {
        Ok(())
    }

    async fn build(config: Config, (): (), cx: Context) -> Result<Self> {
        let tunnels = config.tunnels.within(postrider_runtime::open_files());
        if tunnels != config.tunnels {
            observe::fewer_tunnels(config.tunnels, tunnels);
        }
        let metrics = Metrics::new(&cx.registry);
        let limits = Arc::new(Limits::new(config.rates));
        let db = Db::connect(DbConfig::of(config.database, store::SPEC))?;
        jobs::start(&cx, &db, &limits, &metrics);
        let proxy = Proxy::new(config.upstreams, metrics.clone())?;
        let services = Upstream::ALL.map(|service| (service, proxy.origin(service).clone())).to_vec();
        let clock = cx.seams.clock.clone();
        let state = State {
            keys: ApiKeys::new(&db, clock.clone()),
            db,
            seams: cx.seams.clone(),
            issuer: TokenIssuer::new(config.client_tokens.clone()),
            clients: ClientTokens::new(config.client_tokens, clock.clone()),
            internal: InternalTokens::new(config.internal_keys, Self::NAME, clock),
            limits,
            cors: config.cors,
            trusted: config.trusted,
            proofs: Proofs::default(),
            bodies: config.bodies,
            catalog: Arc::new(Catalog::new(proxy.client(), config.public_url.origin(), services)),
            proxy,
            replicas: Replicas::followed(&config.socketio, &cx).await,
            places: Places::new(tunnels),
            sessions: Sessions::default(),
            metrics,
            tasks: cx.tasks.clone(),
            drain: Drain::new(cx.shutdown.clone(), config.drain, cx.seams.entropy.clone()),
        };
        let data = actix_web::web::Data::new(state);
        let server = Server::bind(
            ServerConfig {
                name: Self::NAME,
                listen: config.listen.addr,
                admin: config.listen.admin_addr,
                body_limit: LONGEST,
            },
            &cx,
            // Nothing behind it decides whether it may be asked: a service that is down costs its own routes only, and
            // a database that is down API keys and repeated writes.
            Health::new(),
            move |routing| {
                routing.app_data(data.clone());
                routing.configure(routes);
            },
        )?;
        // A tunnelled socket must stay bounded also towards a client that reads nothing.
        server.public_socket().set_send_buffer_size(tunnel::BUFFER)?;
        Ok(Self { server, shutdown: cx.shutdown })
    }

    async fn run(self) -> Result<()> {
        self.server.run(self.shutdown).await
    }

    async fn migrate(env: &Env) -> Result<()> {
        Ok(postrider_storage::migrate::command(env, &store::SPEC, store::migrations()).await?)
    }
}
