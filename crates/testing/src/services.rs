//! Where the test servers are: the environment names them, or `make services` wrote them down.

use std::path::Path;

use anyhow::{Context, Result};
use domain::Secret;

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
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.run/services.env");
    let text = std::fs::read_to_string(&file).context("no test servers: run `make services`")?;
    text.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| Secret::new(value.trim_matches(['\'', '"'])))
        .with_context(|| format!(".run/services.env does not name {name}: run `make services`"))
}
