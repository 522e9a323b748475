//! The official Socket.IO client in a Node process: what it prints is what a user's program would see.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use postrider_domain::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::until::eventually;
use postrider_testing::services::workspace_root as root;

/// One thing that happened to the client.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// Milliseconds since the epoch, by the client's clock (the same machine's).
    pub at: i64,
    pub kind: String,
    #[serde(default)]
    pub event: String,
    #[serde(default)]
    pub data: Value,
}

/// A running client.
pub struct Socket {
    lines: Arc<Mutex<Vec<Line>>>,
    stdin: ChildStdin,
    _child: Child,
}

impl Socket {
    /// Connects, authenticates by the handshake and subscribes to both rooms of the user.
    pub async fn connect(origin: &str, user: &str, token: &Secret, transport: &str, last_event: Option<&str>) -> Self {
        let script = root().join("crates/e2e/js/listen.mjs");
        assert!(
            root().join("crates/e2e/js/node_modules/socket.io-client").is_dir(),
            "socket.io-client is missing: run `npm ci` in crates/e2e/js (make test does)"
        );
        let mut child = Command::new("node")
            .arg(script)
            .args([origin, user, transport, last_event.unwrap_or_default()])
            .env("POSTRIDER_TOKEN", token.expose())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let stdin = child.stdin.take().expect("the input is piped");
        let stdout = child.stdout.take().expect("the output is piped");
        let lines: Arc<Mutex<Vec<Line>>> = Arc::default();
        let seen = lines.clone();
        tokio::runtime::Handle::current().spawn(async move {
            let mut reader = BufReader::new(stdout).lines();
            while let Ok(Some(text)) = reader.next_line().await {
                if let Ok(line) = serde_json::from_str::<Line>(&text) {
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            }
        });
        let socket = Self { lines, stdin, _child: child };
        eventually("the socket is authenticated", async || socket.count("authenticated") > 0).await;
        socket
    }

    /// Has the client emit an event.
    pub async fn emit(&mut self, event: &str, data: &Value) {
        let line = format!("{}\n", json!([event, data]));
        self.stdin.write_all(line.as_bytes()).await.expect("the client reads");
    }

    /// Everything so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Events of one name so far.
    pub fn events(&self, name: &str) -> Vec<Line> {
        self.lines().into_iter().filter(|line| line.kind == "event" && line.event == name).collect()
    }

    /// How many lines of a kind there are.
    pub fn count(&self, kind: &str) -> usize {
        self.lines().iter().filter(|line| line.kind == kind).count()
    }

    /// How often each mail was announced, by Gmail's message id.
    pub fn announced(&self) -> BTreeMap<String, usize> {
        let mut times = BTreeMap::new();
        for line in self.events("notification:new_message") {
            let id = line.data.get("messageId").and_then(Value::as_str).unwrap_or_default();
            *times.entry(id.to_owned()).or_default() += 1;
        }
        times
    }
}
