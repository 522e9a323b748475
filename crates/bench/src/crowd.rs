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
    /// Connects a client for each of these sign-ins, has it subscribe to the room beside, and counts the events of a name.
    pub async fn gather(origin: &str, clients: &[(Value, String)], name: &'static str) -> Result<Self> {
        let heard = Arc::new(AtomicU64::new(0));
        let connect = |(auth, room): &(Value, String)| {
            let (auth, room) = (auth.clone(), room.clone());
            async move {
                let mut socket = Socket::connect(origin, &auth).await?;
                socket.wait_for(AUTHENTICATED, Duration::from_secs(10)).await?;
                socket.emit("subscribe", &json!({ "room": room })).await?;
                anyhow::Ok(socket)
            }
        };
        let sockets: Vec<Socket> =
            futures_util::stream::iter(clients.iter().map(connect)).buffer_unordered(AT_ONCE).try_collect().await?;
        let size = u64::try_from(sockets.len())?;
        let mut readers = JoinSet::new();
        for mut socket in sockets {
            let heard = heard.clone();
            readers.spawn(async move {
                while let Ok(event) = socket.event().await {
                    heard.fetch_add(u64::from(event.name == name), Ordering::Relaxed);
                }
            });
        }
        Ok(Self { heard, size, _readers: readers })
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
