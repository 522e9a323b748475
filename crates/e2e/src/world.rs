//! A whole Postrider of its own for one test.

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use postrider::stack::{Member, Stack, StackOptions};
use serde_json::json;
use tempfile::TempDir;

use crate::client::Client;
use crate::servers::PrivateServers;
use crate::sim::Sim;

/// Servers, stack and simulator. Everything ends with it.
pub struct World {
    pub stack: Stack,
    pub servers: PrivateServers,
    pub sim: Sim,
    _dir: TempDir,
}

impl World {
    /// Starts everything on ports above `port_base` and waits until it is ready. Tests that run at the same time use
    /// bases at least 3,000 apart, below 30,000 (ephemeral ports begin at 32,768).
    pub async fn start(port_base: u16) -> Self {
        Self::start_with(port_base, |options| options).await
    }

    /// As [`World::start`], with settings changed first.
    pub async fn start_with(port_base: u16, change: impl FnOnce(StackOptions) -> StackOptions) -> Self {
        let servers = PrivateServers::start(port_base).await.expect("private servers start");
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
        Self { stack, servers, sim, _dir: dir }
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

    /// The ends of all logs, for a test that failed.
    pub fn print_logs(&self) {
        for member in self.stack.members() {
            let file = self.stack.options().log_file(member, 0);
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default();
            eprintln_lines(member.name(), tail);
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
