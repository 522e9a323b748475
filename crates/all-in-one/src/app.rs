//! Starts the services side by side, and stops them together.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use futures_util::future::{LocalBoxFuture, join_all};
use postrider_broker::Transport as _;
use postrider_broker::local::LocalBroker;
use postrider_contracts::Topology;
use postrider_events::dead_letters;
use postrider_events::messages::Messages;
use postrider_runtime::{ConfigErrors, Context, DeadLettersCommand, Env, Service, ready, serve_with};
use postrider_storage::Spec;
use postrider_web::{Health, Server, ServerConfig};

use crate::config::Config;
use crate::metrics::Services;

/// The services that take messages; their schemas hold the queues.
const CONSUMERS: [Spec; 3] = [Spec::CONNECTOR, Spec::SYNC_WORKER, Spec::NOTIFICATION];

/// All services, not yet built: each builds itself when the process runs.
pub struct App {
    config: Config,
    broker: LocalBroker,
    contexts: Contexts,
    server: Server,
    cx: Context,
}

/// One for each service: its own metrics and tasks, the stop of all.
struct Contexts {
    gateway: Context,
    connector: Context,
    sync_worker: Context,
    notification: Context,
    ingest: Context,
}

impl Contexts {
    fn beside(cx: &Context) -> Self {
        let of = |service: &'static str| Context {
            shutdown: cx.shutdown.clone(),
            ..Context::new(service, cx.seams.clone())
        };
        Self {
            gateway: of(postrider_gateway::App::NAME),
            connector: of(postrider_connector::App::NAME),
            sync_worker: of(postrider_sync_worker::App::NAME),
            notification: of(postrider_notification::App::NAME),
            ingest: of(postrider_ingest_webhook::App::NAME),
        }
    }

    fn all(&self) -> [(&'static str, &Context); 5] {
        [
            (postrider_gateway::App::NAME, &self.gateway),
            (postrider_connector::App::NAME, &self.connector),
            (postrider_sync_worker::App::NAME, &self.sync_worker),
            (postrider_notification::App::NAME, &self.notification),
            (postrider_ingest_webhook::App::NAME, &self.ingest),
        ]
    }
}

impl Service for App {
    const NAME: &'static str = "all-in-one";
    const ABOUT: &'static str = "All five services in one process, with Postgres alone beside it.";
    type Config = Config;
    type Deps = ();

    fn load(env: &Env) -> Result<Config, ConfigErrors> {
        Config::load(env)
    }

    fn deps(_config: &Config, _cx: &Context) -> Result<()> {
        Ok(())
    }

    async fn build(config: Config, (): (), cx: Context) -> Result<Self> {
        let contexts = Contexts::beside(&cx);
        let broker = LocalBroker::start(Arc::new(Messages::new(config.queues()?)), &cx);
        let registries = contexts.all().map(|(name, cx)| (name, cx.registry.clone()));
        cx.registry.register(Box::new(Services::new(registries)?)).context("the services' metrics")?;
        let listen = ServerConfig {
            name: Self::NAME,
            listen: config.listen.addr,
            admin: config.listen.admin_addr,
            body_limit: 0,
        };
        let server = Server::bind(listen, &cx, health(&config), |_no_routes_of_its_own| {})?;
        Ok(Self { config, broker, contexts, server, cx })
    }

    /// Until the stop, or until one of them ends: then the others stop too.
    async fn run(self) -> Result<()> {
        let Self { config, broker, contexts, server, cx } = self;
        let Contexts { gateway, connector, sync_worker, notification, ingest } = contexts;
        let transport = |cx: &Context| Arc::new(broker.within(cx));
        let services: [LocalBoxFuture<'_, Result<()>>; 6] = [
            Box::pin(serve_with::<postrider_connector::App>(
                config.connector,
                |_, cx| Ok(postrider_connector::Deps { transport: transport(cx) }),
                connector,
            )),
            Box::pin(serve_with::<postrider_sync_worker::App>(
                config.sync_worker,
                |_, cx| Ok(postrider_sync_worker::Deps { transport: transport(cx) }),
                sync_worker,
            )),
            Box::pin(serve_with::<postrider_notification::App>(
                config.notification,
                |config, cx| Ok(postrider_notification::Deps::over(transport(cx), config, cx)),
                notification,
            )),
            Box::pin(serve_with::<postrider_ingest_webhook::App>(
                config.ingest,
                |_, cx| Ok(postrider_ingest_webhook::Deps { publisher: transport(cx).publisher() }),
                ingest,
            )),
            Box::pin(serve_with::<postrider_gateway::App>(config.gateway, |_, _| Ok(()), gateway)),
            Box::pin(server.run(cx.shutdown.clone())),
        ];
        join_all(services).await.into_iter().collect()
    }

    /// Every schema, one after the other.
    async fn migrate(env: &Env) -> Result<()> {
        postrider_connector::App::migrate(env).await?;
        postrider_sync_worker::App::migrate(env).await?;
        postrider_notification::App::migrate(env).await?;
        postrider_ingest_webhook::App::migrate(env).await?;
        postrider_gateway::App::migrate(env).await
    }

    /// Of all services.
    async fn dead_letters(env: &Env, command: DeadLettersCommand) -> Result<()> {
        let messages = dead_letters::messages(env, &CONSUMERS)?;
        dead_letters::print(&messages, Topology::CURRENT.queues, &command).await
    }

    /// Connector's keys.
    async fn rotate_keys(env: &Env) -> Result<()> {
        postrider_connector::App::rotate_keys(env).await
    }
}

/// Ready when every service is.
fn health(config: &Config) -> Health {
    let services = [
        (postrider_gateway::App::NAME, config.gateway.listen),
        (postrider_connector::App::NAME, config.connector.listen),
        (postrider_sync_worker::App::NAME, config.sync_worker.listen),
        (postrider_notification::App::NAME, config.notification.listen),
        (postrider_ingest_webhook::App::NAME, config.ingest.listen),
    ];
    services.into_iter().fold(Health::new(), |health, (name, listen)| {
        health.check(name, move || async move { ready(listen.addr).await.map(drop) })
    })
}
