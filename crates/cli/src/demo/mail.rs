//! A mail arrives: delivered at the simulator, seen at the socket.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use postrider_domain::Secret;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::http;
use crate::socket::Socket;

/// How long a mail may take from the simulator to the socket.
const WITHIN: Duration = Duration::from_secs(60);

/// A notification as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// The event's data.
    pub notification: Value,
    /// From the simulator's answer to our delivery, to the event at the socket.
    pub latency: Duration,
}

/// Subscribes, delivers one mail to the address and waits for exactly its notification.
///
/// # Errors
/// The socket refuses, or nothing arrives within a minute.
pub async fn deliver_and_wait(gateway: &str, token: &Secret, user: &str, sim: &str, address: &str) -> Result<Arrived> {
    let mut socket = Socket::connect(gateway, &json!({"token": token.expose()})).await?;
    socket.wait_for("authenticated", Duration::from_secs(10)).await?;
    let room = format!("user:{user}:notifications");
    socket.emit("subscribe", &json!({ "room": room })).await?;
    let mail = json!({"account": address, "from": "Ada Lovelace <ada@example.org>", "subject": "A mail, just now"});
    let began = Instant::now();
    let delivered = http::client()?.post(format!("{sim}/_sim/deliver")).json(&mail).send().await?;
    if !delivered.status().is_success() {
        bail!("the simulator refused the mail: {}", delivered.text().await.unwrap_or_default());
    }
    let delivered: Value = delivered.json().await.context("the simulator did not answer JSON")?;
    let id = delivered.pointer("/ids/0").and_then(Value::as_str).context("the simulator named no mail")?.to_owned();
    let deadline = Instant::now() + WITHIN;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let notification = socket.wait_for("notification:new_message", left).await?;
        if notification.get("messageId").and_then(Value::as_str) == Some(&id) {
            let latency = began.elapsed();
            socket.close().await;
            return Ok(Arrived { notification, latency });
        }
    }
}
