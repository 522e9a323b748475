//! The settings of all services at once.

use postrider_runtime::config::{DatabaseUrl, Listen, all};
use postrider_runtime::{ConfigErrors, Env, Service};
use postrider_storage::{Db, DbConfig, Error, Spec};

/// Most connections of a service here. One more is for its queues.
const POOL: usize = 4;

/// What each service reads, and where the process answers for all of them.
#[derive(Debug)]
pub struct Config {
    pub listen: Listen,
    pub gateway: postrider_gateway::config::Config,
    pub connector: postrider_connector::config::Config,
    pub sync_worker: postrider_sync_worker::config::Config,
    pub notification: postrider_notification::config::Config,
    pub ingest: postrider_ingest_webhook::config::Config,
}

impl Config {
    /// Reads and checks everything every service would.
    ///
    /// # Errors
    /// All that is wrong, each once.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let env = &without_broker(env);
        let (listen, gateway, connector, sync_worker, notification, ingest) = all((
            Listen::load(env, super::App::NAME),
            postrider_gateway::App::load(env),
            postrider_connector::App::load(env),
            postrider_sync_worker::App::load(env),
            postrider_notification::App::load(env),
            postrider_ingest_webhook::App::load(env),
        ))?;
        let mut config = Self { listen, gateway, connector, sync_worker, notification, ingest };
        config.keep_pools_small();
        Ok(config)
    }

    /// A connection of each consuming service for its queues, under its own login.
    ///
    /// # Errors
    /// A URL that is none.
    pub(crate) fn queues(&self) -> Result<Vec<Db>, Error> {
        let of = |database: &DatabaseUrl, spec| {
            Db::connect(DbConfig::of(DatabaseUrl { max_connections: 1, ..database.clone() }, spec))
        };
        Ok(vec![
            of(&self.connector.database, Spec::CONNECTOR)?,
            of(&self.sync_worker.database, Spec::SYNC_WORKER)?,
            of(&self.notification.database, Spec::NOTIFICATION)?,
        ])
    }

    fn keep_pools_small(&mut self) {
        let channels = self.ingest.channels.as_mut().map(|channels| &mut channels.database);
        let databases = [
            &mut self.gateway.database,
            &mut self.connector.database,
            &mut self.sync_worker.database,
            &mut self.notification.database,
        ];
        for database in databases.into_iter().chain(channels) {
            database.max_connections = database.max_connections.min(POOL);
        }
    }
}

/// Services ask for the broker's URL; here none of them uses it, nor the one an installation of five processes had.
fn without_broker(env: &Env) -> Env {
    env.with("AMQP_URL", "amqp://in-this-process/").with("AMQP_URL_FILE", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_five_processes_have_a_broker_that_is_not_asked_for_here() {
        for name in ["AMQP_URL", "AMQP_URL_FILE"] {
            let env = without_broker(&Env::from_pairs([(name, "/run/secrets/amqp-url")]));
            let url = env.secret("AMQP_URL").unwrap();
            assert_eq!(url.expose(), "amqp://in-this-process/", "{name}");
        }
    }
}
