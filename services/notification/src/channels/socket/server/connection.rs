//! A TCP connection we can see into and cut.
//!
//! socketioxide's writer waits for a client that stops reading without ever looking at its own stop signal, so a
//! stalled connection has to be ended from below. The wrapper remembers since when a write has been waiting, and fails
//! both directions once it is cut. A client that takes nothing while little waits for it is ended by the kernel
//! (`TCP_USER_TIMEOUT`) before our own buffers fill: that is counted here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::observe;

/// What is known of a connection; shared by the connection and those who watch it.
#[derive(Debug)]
pub struct ConnectionState {
    started: Instant,
    cut: AtomicBool,
    /// Milliseconds after `started` at which the waiting write began; 0 = none waits.
    blocked_at: AtomicU64,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl ConnectionState {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            cut: AtomicBool::new(false),
            blocked_at: AtomicU64::new(0),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        }
    }

    /// Ends the connection: both directions fail from now on.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.reader.wake();
        self.writer.wake();
    }

    /// How long the client has not taken any of the bytes that wait for it.
    pub fn blocked_for(&self) -> Option<Duration> {
        match self.blocked_at.load(Ordering::SeqCst) {
            0 => None,
            since => Some(self.started.elapsed().saturating_sub(Duration::from_millis(since))),
        }
    }

    fn note_write(&self, pending: bool) {
        if pending {
            let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
            // Only the beginning of the wait counts: a waiting write may be polled again and again.
            let _waits_already = self.blocked_at.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst);
        } else {
            self.blocked_at.store(0, Ordering::SeqCst);
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::SeqCst) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    /// Resolves when the connection is cut; for tests.
    #[cfg(test)]
    async fn until_cut(&self) {
        std::future::poll_fn(|cx| {
            self.reader.register(cx.waker());
            if self.check().is_err() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// A connection of the Socket.IO listener.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    state: Arc<ConnectionState>,
    /// Where the kernel's end of it is counted, once.
    uncounted: Option<Arc<Metrics>>,
}

impl Connection {
    pub fn new(stream: TcpStream, metrics: Arc<Metrics>) -> Self {
        Self { stream, state: Arc::new(ConnectionState::new()), uncounted: Some(metrics) }
    }

    fn note_end<T>(&mut self, done: &Poll<io::Result<T>>) {
        let Poll::Ready(Err(error)) = done else { return };
        if error.kind() == io::ErrorKind::TimedOut
            && let Some(metrics) = self.uncounted.take()
        {
            observe::socket_cut(&metrics, "timed_out");
        }
    }

    /// The shared knowledge of it.
    pub fn state(&self) -> Arc<ConnectionState> {
        self.state.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.state.reader.register(cx.waker());
        self.state.check()?;
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.note_end(&read);
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.state.writer.register(cx.waker());
        self.state.check()?;
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.state.note_write(written.is_pending());
        self.note_end(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_client_that_does_not_read_is_seen_and_can_be_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client_that_never_reads = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let metrics = Arc::new(Metrics::new(&prometheus::Registry::new()));
        let mut connection = Connection::new(listener.accept().await.unwrap().0, metrics);
        let state = connection.state();
        assert_eq!(state.blocked_for(), None);
        let cutter = {
            let state = state.clone();
            async move {
                while state.blocked_for().is_none() {
                    tokio::task::yield_now().await;
                }
                state.cut();
            }
        };
        let writer = async {
            loop {
                if connection.write_all(&[0; 65_536]).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(cutter, writer);
        state.until_cut().await;
    }
}
