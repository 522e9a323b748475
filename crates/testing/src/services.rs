//! Where the test servers are: the environment names them, or `make services` wrote them down.

mod pair;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use postrider_domain::Secret;

pub use self::pair::{Pair, Parts};

/// Administrators' addresses of a Postgres and a RabbitMQ.
#[derive(Debug, Clone)]
pub struct Servers {
    /// Postgres: may create roles and databases.
    pub database_url: Secret,
    /// RabbitMQ: may do everything in the default vhost.
    pub amqp_url: Secret,
    /// RabbitMQ's management API with user and password: may create vhosts.
    pub management_url: Secret,
}

impl Servers {
    /// Those of `make services`, or what `TEST_*` names. The product's own settings (`DATABASE_URL`, …) are not looked
    /// at: tests create and drop databases, and must never do so where somebody works.
    ///
    /// # Errors
    /// One is not named anywhere; the message says how to start servers.
    pub fn find() -> Result<Self> {
        Ok(Self { database_url: admin_database_url()?, amqp_url: amqp_url()?, management_url: management_url()? })
    }
}

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The administrator's database URL (`TEST_DATABASE_URL`, else `.run/services.env`).
pub fn admin_database_url() -> Result<Secret> {
    setting("TEST_DATABASE_URL", "DATABASE_URL")
}

/// The administrator's AMQP URL (`TEST_AMQP_URL`, else `.run/services.env`).
pub fn amqp_url() -> Result<Secret> {
    setting("TEST_AMQP_URL", "AMQP_URL")
}

/// RabbitMQ's management URL (`TEST_RABBITMQ_MANAGEMENT_URL`, else `.run/services.env`).
pub fn management_url() -> Result<Secret> {
    setting("TEST_RABBITMQ_MANAGEMENT_URL", "RABBITMQ_MANAGEMENT_URL")
}

#[expect(clippy::disallowed_methods, reason = "tests are not services: they have no configuration of their own")]
fn setting(variable: &str, name: &str) -> Result<Secret> {
    if let Ok(value) = std::env::var(variable) {
        return Ok(Secret::new(value));
    }
    let file = workspace_root().join(".run/services.env");
    let text = std::fs::read_to_string(&file).context("no test servers: run `make services`")?;
    text.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| Secret::new(value.trim_matches(['\'', '"'])))
        .with_context(|| format!(".run/services.env does not name {name}: run `make services`"))
}
