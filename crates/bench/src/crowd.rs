//! Many clients of one Socket.IO server, that count what they hear. The same for ours and for the one beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _};
use postrider_cli::socket::Socket;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Handshakes under way at once.
const AT_ONCE: usize = 32;
/// How long all of them may take for what was emitted.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is not counted: it is for one socket, and comes before the load.
const AUTHENTICATED: &str = "authenticated";

/// Connected and subscribed. They leave when it is dropped.
pub struct Crowd {
    heard: Arc<AtomicU64>,
    size: u64,
    _readers: JoinSet<()>,
}

impl Crowd {
    /// Connects that many clients, has each subscribe to `room`, and counts the events of that name.
    pub async fn gather(origin: &str, auth: &Value, room: &str, (size, name): (u32, &'static str)) -> Result<Self> {
        let heard = Arc::new(AtomicU64::new(0));
        let connect = || async {
            let mut socket = Socket::connect(origin, auth).await?;
            socket.wait_for(AUTHENTICATED, Duration::from_secs(10)).await?;
            socket.emit("subscribe", &json!({ "room": room })).await?;
            anyhow::Ok(socket)
        };
        let sockets: Vec<Socket> =
            futures_util::stream::iter((0..size).map(|_| connect())).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut readers = JoinSet::new();
        for mut socket in sockets {
            let heard = heard.clone();
            readers.spawn(async move {
                while let Ok(event) = socket.event().await {
                    heard.fetch_add(u64::from(event.name == name), Ordering::Relaxed);
                }
            });
        }
        Ok(Self { heard, size: size.into(), _readers: readers })
    }

    /// How many were heard so far, by all of them.
    pub fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Waits until each has heard so many more since `before`.
    pub async fn hears(&self, before: u64, more: u64) -> Result<()> {
        let (wanted, end) = (before + more * self.size, Instant::now() + PATIENCE);
        while self.heard() < wanted {
            ensure!(Instant::now() < end, "{} of {wanted} deliveries came", self.heard());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

/// The first event of a name that one client of its own hears while `emit` has it sent.
pub async fn sample(
    origin: &str,
    auth: &Value,
    room: &str,
    name: &str,
    emit: impl Future<Output = Result<()>>,
) -> Result<Value> {
    let mut socket = Socket::connect(origin, auth).await?;
    socket.wait_for(AUTHENTICATED, Duration::from_secs(10)).await?;
    socket.emit("subscribe", &json!({ "room": room })).await?;
    emit.await?;
    let event = socket.wait_for(name, Duration::from_secs(10)).await.context("nothing is heard")?;
    socket.close().await;
    Ok(event)
}
