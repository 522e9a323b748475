//! A running Postrider: the five services (or one process of all) and, if wanted, the simulated Google, as child
//! processes.
//!
//! Everything a stack needs is derived in one place from a few options: ports from `PORT_BASE`, the URLs by which the
//! parts find each other, a database URL for each role, secrets made once and kept in `<dir>/stack.env`, and for each
//! process only the secrets it may know. `make run`, `make up` and the end-to-end tests all start the same stack.

pub mod leftovers;
mod members;
mod options;
mod ports;
mod process;
mod secrets;
mod settings;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use postrider_domain::Secret;
use postrider_runtime::Env;
use postrider_storage::Spec;

pub use members::Member;
pub use options::{Shape, StackOptions};
pub use ports::Ports;
pub use process::{Lifetime, Running};
pub use secrets::Secrets;

/// How long a process may take from its start to ready.
pub const READY_WITHIN: Duration = Duration::from_secs(60);

/// Brings one service's schema up to date by the program in that folder; of the settings it is given those it needs.
///
/// # Errors
/// Its `migrate` failed; what it said is in the error.
pub async fn migrate_one(programs: &Path, member: Member, settings: &BTreeMap<String, String>) -> Result<()> {
    process::run_to_end(programs, member, "migrate", &settings::env_to_migrate(settings, member)).await
}

/// A stack of child processes. Dropping it kills those that were started to live no longer than it.
#[derive(Debug)]
pub struct Stack {
    options: StackOptions,
    secrets: Secrets,
    running: BTreeMap<(Member, usize), Running>,
}

impl Stack {
    /// Reads or makes the secrets; starts nothing.
    ///
    /// # Errors
    /// The directory cannot be written, or a URL among the options is none.
    pub fn new(options: StackOptions) -> Result<Self> {
        std::fs::create_dir_all(options.logs())
            .with_context(|| format!("cannot make the directory {}", options.logs().display()))?;
        let secrets = Secrets::load_or_make(&options.dir)?;
        Ok(Self { options, secrets, running: BTreeMap::new() })
    }

    /// What the stack was made from.
    pub fn options(&self) -> &StackOptions {
        &self.options
    }

    /// The members this stack runs: the services, and the simulator where one is wanted (first: the others ask it).
    pub fn members(&self) -> Vec<Member> {
        let simulator = self.options.simulator.then_some(Member::GmailSim);
        let services = match self.options.shape {
            Shape::Services => &Member::SERVICES[..],
            Shape::OneProcess => &[Member::AllInOne],
        };
        simulator.into_iter().chain(services.iter().copied()).collect()
    }

    /// The whole environment of a member's first process.
    pub fn env_of(&self, member: Member) -> Result<BTreeMap<String, String>> {
        self.env_of_replica(member, 0)
    }

    /// The whole environment of one of several processes of a member; replica 0 is the one others are pointed to.
    pub fn env_of_replica(&self, member: Member, replica: usize) -> Result<BTreeMap<String, String>> {
        settings::env_of(&self.options, &self.secrets, member, replica)
    }

    /// Origin of a member, e.g. `http://127.0.0.1:8000`.
    pub fn url(&self, member: Member) -> String {
        self.url_of_replica(member, 0)
    }

    /// Origin of one of several processes of a member.
    pub fn url_of_replica(&self, member: Member, replica: usize) -> String {
        format!("http://127.0.0.1:{}", self.options.ports.of(member, replica))
    }

    /// Where a member's `/metrics` is.
    pub fn admin_url(&self, member: Member, replica: usize) -> String {
        format!("http://127.0.0.1:{}", self.options.ports.admin_of(member, replica))
    }

    /// The origin people use: the gateway's, or `APP_PUBLIC_URL`.
    pub fn public_url(&self) -> String {
        self.options.overrides.get("APP_PUBLIC_URL").cloned().unwrap_or_else(|| self.options.ports.public_url())
    }

    /// A client token for the gateway, valid for a day.
    ///
    /// # Errors
    /// The stack has no `JWT_SECRET` (it uses `JWT_JWKS_URL`).
    pub fn token(&self, tenant: &str, user: &str) -> Result<Secret> {
        crate::token::issue_by(&Env::from_pairs(self.env_of(Member::Gateway)?), tenant, user)
    }

    /// The URL by which a service reaches the database as its own role.
    pub fn database_url_of(&self, spec: &Spec) -> Result<Secret> {
        settings::database_url(&self.options, spec)
    }

    /// Brings every schema up to date, one service after the other.
    ///
    /// # Errors
    /// A `migrate` command failed; its output is in the error.
    pub async fn migrate(&self) -> Result<()> {
        for member in self.members().into_iter().filter(|member| *member != Member::GmailSim) {
            let mut env = self.env_of(member)?;
            env.insert("DATABASE_URL".to_owned(), self.options.database_url.expose().to_owned());
            process::run_to_end(&self.options.bin_dir, member, "migrate", &env).await?;
        }
        Ok(())
    }

    /// Starts a member's first process. Does not wait until it is ready.
    ///
    /// # Errors
    /// It runs already, its port is taken, or its program is missing.
    pub fn start(&mut self, member: Member) -> Result<()> {
        self.start_replica(member, 0)
    }

    /// Starts one of several processes of a member.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_replica(&mut self, member: Member, replica: usize) -> Result<()> {
        if self.running.get_mut(&(member, replica)).is_some_and(Running::is_alive) {
            bail!("{member} runs already");
        }
        let env = self.env_of_replica(member, replica)?;
        for port in self.options.ports.all_of(member, replica) {
            ports::must_be_free(port, member)?;
        }
        let running = process::start(&self.options, member, replica, &env)?;
        self.running.insert((member, replica), running);
        Ok(())
    }

    /// Starts every member and waits until all are ready, telling each as it becomes so.
    ///
    /// # Errors
    /// As [`Self::start`] and [`Self::wait_ready`].
    pub async fn start_all(&mut self, mut told: impl FnMut(Member)) -> Result<()> {
        let members = self.members();
        for member in &members {
            self.start(*member)?;
        }
        for member in members {
            self.wait_ready(member).await?;
            told(member);
        }
        Ok(())
    }

    /// Waits until a member's first process is ready.
    ///
    /// # Errors
    /// It ended, or took longer than [`READY_WITHIN`]; the end of its log is in the error.
    pub async fn wait_ready(&mut self, member: Member) -> Result<()> {
        self.wait_ready_replica(member, 0).await
    }

    /// Waits until one of several processes of a member is ready.
    ///
    /// # Errors
    /// As [`Self::wait_ready`].
    pub async fn wait_ready_replica(&mut self, member: Member, replica: usize) -> Result<()> {
        let url = self.url_of_replica(member, replica);
        let log = self.options.log_file(member, replica);
        let running = self.running.get_mut(&(member, replica)).with_context(|| format!("{member} was not started"))?;
        process::wait_ready(running, member, &url, &log).await
    }

    /// Asks a process to stop (SIGTERM) and waits for its end; kills it when it takes longer than `within`.
    pub async fn stop(&mut self, member: Member, replica: usize, within: Duration) {
        if let Some(running) = self.running.remove(&(member, replica)) {
            running.stop(within).await;
        }
    }

    /// Stops every process, the services first, all at once.
    pub async fn stop_all(&mut self, within: Duration) {
        let (services, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.running).into_iter().partition(|((member, _), _)| *member != Member::GmailSim);
        for group in [services, rest] {
            futures_util::future::join_all(group.into_iter().map(|(_, running)| running.stop(within))).await;
        }
    }

    /// `kill -9`: the process gets no chance to tidy up. Waits until it is gone.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill9(&mut self, member: Member, replica: usize) -> Result<()> {
        let running = self.running.remove(&(member, replica)).with_context(|| format!("{member} does not run"))?;
        running.kill9().await
    }

    /// Freezes a process (SIGSTOP) or lets it go on (SIGCONT).
    ///
    /// # Errors
    /// It does not run.
    pub fn freeze(&self, member: Member, replica: usize, frozen: bool) -> Result<()> {
        let running = self.running.get(&(member, replica)).with_context(|| format!("{member} does not run"))?;
        running.freeze(frozen)
    }

    /// The first process that ended by itself, if any; for those who watch a stack.
    pub fn ended(&mut self) -> Option<Member> {
        self.running.iter_mut().find_map(|((member, _), running)| (!running.is_alive()).then_some(*member))
    }

    /// Process id of a member's process.
    pub fn pid(&self, member: Member, replica: usize) -> Option<u32> {
        self.running.get(&(member, replica)).map(Running::pid)
    }
}
