//! A box between client and server that lets a websocket's 101 through and then swallows its frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Which frames do not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swallows {
    Both,
    /// Only what the server says.
    Downward,
    Nothing,
}

/// The box; it ends with the test's runtime.
pub struct Middlebox {
    pub addr: String,
    /// Websockets whose 101 passed.
    accepted: Arc<AtomicUsize>,
    /// Those of them the server gave up.
    given_up: Arc<AtomicUsize>,
}

impl Middlebox {
    pub async fn before(server: &str, swallows: Swallows) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let (accepted, given_up): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
        let counts = (accepted.clone(), given_up.clone());
        let server = server.to_owned();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let upstream = TcpStream::connect(&server).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), upstream.into_split());
                let upgraded = Arc::new(AtomicUsize::new(0));
                tokio::spawn(up(from_client, to_server, swallows, upgraded.clone()));
                tokio::spawn(down(from_server, to_client, swallows, upgraded, counts.clone()));
            }
        });
        Self { addr, accepted, given_up }
    }

    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub fn given_up(&self) -> usize {
        self.given_up.load(Ordering::SeqCst)
    }
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, swallows: Swallows, upgraded: Arc<AtomicUsize>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let swallowed = swallows == Swallows::Both && upgraded.load(Ordering::SeqCst) > 0;
        if !swallowed && to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

async fn down(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    swallows: Swallows,
    upgraded: Arc<AtomicUsize>,
    (accepted, given_up): (Arc<AtomicUsize>, Arc<AtomicUsize>),
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let mut passes = &buffer[..n];
        if swallows != Swallows::Nothing && upgraded.load(Ordering::SeqCst) > 0 {
            continue;
        }
        if passes.starts_with(b"HTTP/1.1 101") {
            upgraded.store(1, Ordering::SeqCst);
            accepted.fetch_add(1, Ordering::SeqCst);
            if swallows != Swallows::Nothing {
                let head = passes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
                passes = &passes[..head];
            }
        }
        if to.write_all(passes).await.is_err() {
            return;
        }
    }
    given_up.fetch_add(upgraded.load(Ordering::SeqCst), Ordering::SeqCst);
}
