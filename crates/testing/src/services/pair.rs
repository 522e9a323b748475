//! Servers of one test's own, to be stopped, killed and started at will.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, bail};

use super::{Servers, workspace_root};

/// Offsets of the five ports of a pair, as in `scripts/services.sh`.
const OFFSETS: [u16; 5] = [432, 672, 673, 674, 675];
/// Port bases tried by this process start here (below the ports the system gives out by itself).
const FIRST: u16 = 18_000;
/// Between two bases: wide enough that their five ports do not touch.
const STEP: u16 = 8;

/// Which servers a pair has; each takes some seconds to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    Both,
    Postgres,
    RabbitMq,
}

/// A private Postgres and RabbitMQ in a directory of their own; wiped when dropped, also by a panic.
///
/// The calls block until the script is done: in async tests use them through [`Pair::run`] or accept the wait.
#[derive(Debug)]
pub struct Pair {
    dir: PathBuf,
    port_base: String,
    servers: Servers,
}

impl Pair {
    /// Starts the servers on free ports.
    ///
    /// # Errors
    /// What the script says.
    pub fn start(parts: Parts) -> anyhow::Result<Self> {
        let mut last = None;
        for _try in 0..5 {
            let port_base = free_base().context("no free ports for a pair of servers")?;
            let dir = std::env::temp_dir().join(format!("postrider-pair-{}-{port_base}", std::process::id()));
            match Self::start_at(parts, dir, port_base.to_string()) {
                Ok(pair) => return Ok(pair),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("unreachable: five tries leave an error")))
    }

    fn start_at(parts: Parts, dir: PathBuf, port_base: String) -> anyhow::Result<Self> {
        let only = match parts {
            Parts::Both => "both",
            Parts::Postgres => "postgres",
            Parts::RabbitMq => "rabbitmq",
        };
        let nowhere = || postrider_domain::Secret::new("");
        let servers = Servers { database_url: nowhere(), amqp_url: nowhere(), management_url: nowhere() };
        // Made first: from here on its drop cleans up whatever was begun.
        let mut pair = Self { dir, port_base, servers };
        pair.call(&["up", "--only", only])?;
        let text = std::fs::read_to_string(pair.dir.join("services.env"))?;
        for (line, value) in [
            ("DATABASE_URL=", &mut pair.servers.database_url),
            ("AMQP_URL=", &mut pair.servers.amqp_url),
            ("RABBITMQ_MANAGEMENT_URL=", &mut pair.servers.management_url),
        ] {
            *value = postrider_domain::Secret::new(
                text.lines().find_map(|found| found.strip_prefix(line)).unwrap_or_default(),
            );
        }
        Ok(pair)
    }

    /// Where they are; the address of a server it does not have is empty.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// A command of `scripts/services.sh` on this pair: `stop-rabbit`, `start-rabbit`, `kill-rabbit`,
    /// `restart-postgres`, …; `rabbitmqctl` with its arguments.
    ///
    /// # Errors
    /// What the script says.
    pub fn call(&self, args: &[&str]) -> anyhow::Result<()> {
        let dir = self.dir.to_string_lossy().into_owned();
        let mut all = vec!["--dir", &dir, "--port-base", &self.port_base];
        all.extend(args);
        script(&all)
    }

    /// [`Pair::call`] from async code, without blocking the runtime.
    ///
    /// # Errors
    /// What the script says.
    pub async fn run(&self, args: &[&str]) -> anyhow::Result<()> {
        let dir = self.dir.to_string_lossy().into_owned();
        let mut all: Vec<String> = vec!["--dir".into(), dir, "--port-base".into(), self.port_base.clone()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        let ran = tokio::task::spawn_blocking(move || script(&all.iter().map(String::as_str).collect::<Vec<_>>()));
        match ran.await {
            Ok(result) => result,
            Err(join) => bail!("the script's thread ended: {join}"),
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // Nothing to tell anybody here; a left-over pair is in the temporary directory with its process id.
        let _wiped = self.call(&["wipe"]);
        let _removed = std::fs::remove_dir_all(&self.dir);
    }
}

/// A base whose five ports nobody listens on. Processes start at different places, so that they seldom meet.
fn free_base() -> Option<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let slots = 1_200;
    let start = u16::try_from(std::process::id() % u32::from(slots)).unwrap_or(0);
    (0..slots).find_map(|_| {
        let slot = (start + NEXT.fetch_add(1, Ordering::Relaxed)) % slots;
        let base = FIRST + slot * STEP;
        let free = |offset: &u16| TcpListener::bind(("127.0.0.1", base + offset)).is_ok();
        OFFSETS.iter().all(free).then_some(base)
    })
}

/// Runs `scripts/services.sh` with these arguments.
fn script(args: &[&str]) -> anyhow::Result<()> {
    let mut command = std::process::Command::new(workspace_root().join("scripts/services.sh"));
    let output = command.args(args).output().context("scripts/services.sh cannot be run")?;
    if !output.status.success() {
        bail!("scripts/services.sh {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
