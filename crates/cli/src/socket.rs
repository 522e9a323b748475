//! A small Socket.IO client: protocol v5 over Engine.IO v4, websocket only (https://socket.io/docs/v4/socket-io-protocol).
//! Enough to sign in, subscribe and receive; the product's users take the official clients.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A connected session on the main namespace.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// An event from the server: its name and its first argument.
#[derive(Debug, Clone, PartialEq)]
pub struct SocketEvent {
    pub name: String,
    pub data: Value,
}

impl Socket {
    /// Connects to an origin such as `http://localhost:8000` and signs in with `auth`, e.g. `{"token": "…"}`.
    ///
    /// # Errors
    /// Nobody answers within 10 s, or the server refuses the sign-in.
    pub async fn connect(origin: &str, auth: &Value) -> Result<Self> {
        tokio::time::timeout(HANDSHAKE, Self::handshake(origin, auth))
            .await
            .context("the socket did not answer in 10 s")?
    }

    async fn handshake(origin: &str, auth: &Value) -> Result<Self> {
        let rest = origin.strip_prefix("http").context("not an http origin")?.trim_end_matches('/');
        let url = format!("ws{rest}/socket.io/?EIO=4&transport=websocket");
        let (stream, _answer) = connect_async(url).await.context("cannot open a websocket")?;
        let mut socket = Self { stream };
        let open = socket.packet().await?;
        if !open.starts_with('0') {
            bail!("not an Engine.IO server: it began with {open:?}");
        }
        socket.send(format!("40{auth}")).await?;
        loop {
            let packet = socket.packet().await?;
            match packet.get(..2) {
                Some("40") => return Ok(socket),
                Some("44") => bail!("the server refused the sign-in: {}", packet.get(2..).unwrap_or_default()),
                // Events that overtook the answer would belong to an earlier session; there is none.
                _ => {}
            }
        }
    }

    /// Sends an event with one argument.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn emit(&mut self, event: &str, data: &Value) -> Result<()> {
        self.send(format!("42{}", json!([event, data]))).await
    }

    /// The next event; answers pings in between.
    ///
    /// # Errors
    /// The connection is gone, or the server closed the session.
    pub async fn event(&mut self) -> Result<SocketEvent> {
        loop {
            let packet = self.packet().await?;
            if let Some(event) = packet.strip_prefix("42").and_then(parse_event) {
                return Ok(event);
            }
            if packet.starts_with("41") || packet.starts_with("44") {
                bail!("the server closed the session: {packet}");
            }
        }
    }

    /// Waits for an event of that name; others are dropped.
    ///
    /// # Errors
    /// As [`Self::event`], and when it takes longer than `within`.
    pub async fn wait_for(&mut self, name: &str, within: Duration) -> Result<Value> {
        let wait = async {
            loop {
                let event = self.event().await?;
                if event.name == name {
                    return Ok(event.data);
                }
            }
        };
        tokio::time::timeout(within, wait).await.with_context(|| format!("no {name} within {within:?}"))?
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let _gone = self.send("41".to_owned()).await;
        let _gone = self.stream.close(None).await;
    }

    async fn send(&mut self, text: String) -> Result<()> {
        self.stream.send(Message::text(text)).await.context("the socket is gone")
    }

    /// The next Engine.IO packet that is no ping.
    async fn packet(&mut self) -> Result<String> {
        loop {
            let message = self.stream.next().await.context("the server closed the socket")?;
            match message.context("the socket broke")? {
                Message::Text(text) if text.as_str() == "2" => self.send("3".to_owned()).await?,
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(reason) => bail!("the server closed the socket: {reason:?}"),
                _ => {}
            }
        }
    }
}

/// `["name", data]`, perhaps with an acknowledgement id before it.
fn parse_event(text: &str) -> Option<SocketEvent> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let mut parts = serde_json::from_str::<Vec<Value>>(text).ok()?.into_iter();
    let name = parts.next()?.as_str()?.to_owned();
    Some(SocketEvent { name, data: parts.next().unwrap_or(Value::Null) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_with_and_without_acknowledgement_id() {
        let event = SocketEvent { name: "pong".into(), data: json!({"timestamp": 1}) };
        assert_eq!(parse_event(r#"["pong",{"timestamp":1}]"#).unwrap(), event);
        assert_eq!(parse_event(r#"12["pong",{"timestamp":1}]"#).unwrap(), event);
        assert_eq!(parse_event(r#"["bare"]"#).unwrap().data, Value::Null);
        assert_eq!(parse_event("nonsense"), None);
    }
}
