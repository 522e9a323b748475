//! Node's Socket.IO server as a process of its own (`crates/bench/peer`).

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use postrider_e2e::client::http;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A running peer. Killed when dropped.
pub struct Peer {
    pub origin: String,
    pub pid: u32,
    http: reqwest::Client,
    _child: Child,
}

impl Peer {
    /// Brings its packages, as the lock file names them, and starts it.
    pub async fn start(port: u16) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer");
        if !folder.join("node_modules/socket.io").is_dir() {
            let mut npm = Command::new("npm");
            let npm = npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
            ensure!(npm.status().await.context("npm runs")?.success(), "npm ci failed in {}", folder.display());
        }
        let mut child = Command::new("node")
            .args(["server.mjs", &port.to_string()])
            .current_dir(&folder)
            .env("NODE_ENV", "production")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node runs")?;
        let pid = child.id().context("the peer runs")?;
        let said = BufReader::new(child.stdout.take().context("its output is piped")?).lines().next_line().await?;
        ensure!(said.as_deref() == Some("ready"), "the peer does not start: {said:?}");
        Ok(Self { origin: format!("http://127.0.0.1:{port}"), pid, http: http(), _child: child })
    }

    /// Has these events sent to all sockets of a room.
    pub async fn emit(&self, room: &str, events: &Value) -> Result<()> {
        let body = json!({ "room": room, "events": events });
        self.http.post(format!("{}/emit", self.origin)).json(&body).send().await?.error_for_status()?;
        Ok(())
    }
}

/// What the peer sends for a notification of ours: an event with the same members, and the unread count behind it.
pub fn as_ours(told: Value) -> Value {
    let count = json!({ "unreadCount": 1_000, "eventId": told.get("eventId"), "nseq": told.get("nseq") });
    json!([["notification:custom", told], ["notification:unread_count", count]])
}
