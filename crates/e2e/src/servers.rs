//! Postgres and RabbitMQ of a test: those `make services` runs, or a private pair that may be stopped and started.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use domain::Secret;
use tempfile::TempDir;
use tokio::process::Command;

/// A private pair of servers in a directory of its own; gone with the test.
pub struct PrivateServers {
    dir: TempDir,
    port_base: u16,
    pub database_url: Secret,
    pub amqp_url: Secret,
    management_url: Secret,
}

impl PrivateServers {
    /// Starts a pair whose ports lie above `port_base`.
    pub async fn start(port_base: u16) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("postrider-servers-").tempdir()?;
        script(&["up", "--dir", &dir.path().to_string_lossy(), "--port-base", &port_base.to_string()]).await?;
        let database_url = setting(dir.path(), "DATABASE_URL")?;
        let amqp_url = setting(dir.path(), "AMQP_URL")?;
        let management_url = setting(dir.path(), "RABBITMQ_MANAGEMENT_URL")?;
        Ok(Self { dir, port_base, database_url, amqp_url, management_url })
    }

    /// RabbitMQ's management URL, with user and password.
    pub fn management_url(&self) -> String {
        self.management_url.expose().trim_end_matches('/').to_owned()
    }

    /// Runs one of the script's commands on this pair: `stop-rabbit`, `start-rabbit`, `restart-postgres`.
    pub async fn command(&self, command: &str) -> Result<()> {
        script(&[command, "--dir", &self.dir.path().to_string_lossy(), "--port-base", &self.port_base.to_string()])
            .await
    }
}

impl Drop for PrivateServers {
    fn drop(&mut self) {
        let stopped = std::process::Command::new("bash")
            .arg(root().join("scripts/services.sh"))
            .args(["down", "--dir", &self.dir.path().to_string_lossy(), "--port-base", &self.port_base.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        drop(stopped);
    }
}

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

async fn script(args: &[&str]) -> Result<()> {
    let output = Command::new("bash")
        .arg(root().join("scripts/services.sh"))
        .args(args)
        .env_remove("DATABASE_URL")
        .env_remove("AMQP_URL")
        .stdin(Stdio::null())
        .output()
        .await
        .context("scripts/services.sh cannot run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "scripts/services.sh {}: {said}", args.join(" "));
    Ok(())
}

fn setting(dir: &Path, name: &str) -> Result<Secret> {
    let text = std::fs::read_to_string(dir.join("services.env"))?;
    text.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| Secret::new(value.trim_matches(['\'', '"'])))
        .with_context(|| format!("services.env does not name {name}"))
}
