//! A mail arrives: delivered at the simulator, seen at the socket.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use postrider_domain::{Clock as _, Secret, SystemClock, Timestamp};
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
    /// From the moment at which Gmail showed the mail, where the simulator hid it for a while.
    pub since_visible: Option<Duration>,
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
    let visible = visible_in(sim, address).await?.map(|hidden| Instant::now() + hidden);
    let deadline = Instant::now() + WITHIN;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let notification = socket.wait_for("notification:new_message", left).await?;
        if notification.get("messageId").and_then(Value::as_str) == Some(&id) {
            let latency = began.elapsed();
            socket.close().await;
            let since_visible = visible.map(|visible| began.max(Instant::now()).saturating_duration_since(visible));
            return Ok(Arrived { notification, latency, since_visible });
        }
    }
}

/// How long the simulator still hides what was just done.
async fn visible_in(sim: &str, address: &str) -> Result<Option<Duration>> {
    let asked = http::client()?.get(format!("{sim}/_sim/visibility")).query(&[("account", address)]).send().await?;
    let answer: Value = asked.json().await.context("the simulator did not answer JSON")?;
    let at = answer.get("settled_at").and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
    Ok(at.and_then(|at| (at - SystemClock.now()).to_std().ok()))
}
