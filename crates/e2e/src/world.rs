//! A whole Postrider of its own for one test.

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use postrider_cli::stack::{Member, Stack, StackOptions};
use postrider_testing::services::{Pair, Parts, Servers};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::ports::free_base;
use crate::sim::Sim;

/// Servers, stack and simulator. Everything ends with it.
pub struct World {
    pub stack: Stack,
    /// Where the servers are.
    pub servers: Servers,
    /// The servers themselves, to be stopped and started.
    pub pair: Pair,
    pub sim: Sim,
    _dir: TempDir,
}

impl World {
    /// Starts everything on free ports and waits until it is ready.
    pub async fn start() -> Self {
        Self::start_with(free_base(), |options| options).await
    }

    /// As [`World::start`], on ports above `port_base` and with settings changed first.
    pub async fn start_with(port_base: u16, change: impl FnOnce(StackOptions) -> StackOptions) -> Self {
        Self::start_on(Parts::Both, port_base, change).await
    }

    /// As [`World::start_with`], all services in one process and Postgres alone beside it.
    pub async fn start_small(port_base: u16, change: impl FnOnce(StackOptions) -> StackOptions) -> Self {
        Self::start_on(Parts::Postgres, port_base, |options| change(options.in_one_process())).await
    }

    async fn start_on(parts: Parts, port_base: u16, change: impl FnOnce(StackOptions) -> StackOptions) -> Self {
        let started = tokio::task::spawn_blocking(move || Pair::start(parts)).await.expect("the script's thread ends");
        let pair = started.unwrap_or_else(|error| panic!("private servers: {error:#}"));
        let servers = pair.servers().clone();
        let dir = tempfile::tempdir().expect("a directory for the stack");
        let options = StackOptions::new(dir.path(), port_base, servers.database_url.clone(), servers.amqp_url.clone())
            .expect("the options of a stack");
        let options = options
            .with("STREAM_CHECK_SECONDS", "3")
            .with("GMAIL_QUOTA", "user=1000000000,project=4000000000,day=1000000000000");
        let options = change(options);
        let mut stack = Stack::new(options).expect("a stack");
        stack.migrate().await.unwrap_or_else(|error| panic!("migrate: {error:#}"));
        stack.start_all(|_| ()).await.unwrap_or_else(|error| panic!("start: {error:#}"));
        let sim = Sim::new(&stack.url(Member::GmailSim));
        sim.put("/oauth", json!({"auto_consent": true})).await;
        sim.put("/quota", json!({"named": "off"})).await;
        Self { stack, servers, pair, sim, _dir: dir }
    }

    /// Starts a process that was killed and waits until it is ready.
    pub async fn restart(&mut self, member: Member) {
        self.stack.start(member).unwrap_or_else(|error| panic!("{member}: {error:#}"));
        self.stack.wait_ready(member).await.unwrap_or_else(|error| panic!("{member}: {error:#}"));
    }

    /// An administrator's connection.
    pub async fn admin(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(self.servers.database_url.expose()).await.expect("the administrator connects")
    }

    /// A program of one user that calls the gateway.
    pub fn client(&self, tenant: &str, user: &str) -> Client {
        let token = self.stack.token(tenant, user).expect("a client token");
        Client::new(&self.origin(), token)
    }

    /// The gateway by its address: `localhost` may mean IPv6 to some clients.
    pub fn origin(&self) -> String {
        self.stack.url(Member::Gateway)
    }

    /// What a process has logged so far, as JSON. Lines that are none (a panic's backtrace) are left out.
    pub fn log(&self, member: Member) -> Vec<Value> {
        let text = std::fs::read_to_string(self.stack.options().log_file(member, 0)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The ends of all logs, for a test that failed.
    pub fn print_logs(&self) {
        for (member, replica) in self.stack.members().into_iter().flat_map(|member| [(member, 0), (member, 1)]) {
            let file = self.stack.options().log_file(member, replica);
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default();
            eprintln_lines(&format!("{member} {replica}"), tail);
        }
    }
}

#[expect(clippy::print_stderr, reason = "the output of a failed test")]
fn eprintln_lines(name: &str, lines: &[&str]) {
    for line in lines {
        eprintln!("[{name}] {line}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
    }
}
