//! Emitting without losing and without piling up.
//!
//! socketioxide buffers a bounded number of packets for a socket and answers an error beyond it; an emit whose error is
//! dropped is a lost event (a tight loop over it lost more than half of them when measured). So every error is looked at:
//! a full buffer waits, and a socket that does not take anything for too long is cut, to come back and resume.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::IgnoredAny;
use socketioxide::extract::SocketRef;
use socketioxide::{AckError, SendError, SocketError, TransportType};
use tokio::time::Instant;

use crate::channels::socket::server::transports::Transport;
use crate::metrics::Metrics;
use crate::observe;

/// Emits between two looks at a websocket. Far below the buffer, so that pings always find room.
const CHUNK: u32 = 32;
/// Emits between two polls. One poll is answered with all that waits, and python-engineio drops a connection whose answer
/// holds more than 16 packets (`Payload.max_decode_packets`): it would come back, be sent as many again, and so for ever.
/// A poll counts once it is answered, a little after it took its packets, so up to three chunks less one can wait at once;
/// the namespace's CONNECT and a ping make it 16.
const POLLED_CHUNK: u32 = 5;
/// Time between two looks at a connection that waits.
const LOOK: Duration = Duration::from_millis(10);

/// Why nothing more can be emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// The socket is closed.
    Closed,
    /// It took nothing for too long and was cut.
    Slow,
}

/// The way out to one socket.
pub struct Emitter {
    socket: SocketRef,
    transport: Arc<Transport>,
    metrics: Arc<Metrics>,
    slow_after: Duration,
    since_look: u32,
    /// Polls answered when the chunk began.
    polls: u64,
}

impl Emitter {
    pub fn new(socket: SocketRef, transport: Arc<Transport>, metrics: Arc<Metrics>, slow_after: Duration) -> Self {
        let polls = transport.polls();
        Self { socket, transport, metrics, slow_after, since_look: 0, polls }
    }

    /// Waits until there is room for one more packet, and counts it.
    pub async fn make_room(&mut self) -> Result<(), Gone> {
        let chunk = if self.is_polled() { POLLED_CHUNK } else { CHUNK };
        self.since_look += 1;
        if self.since_look > chunk {
            self.since_look = 1;
            self.until_taken().await?;
            self.polls = self.transport.polls();
        }
        Ok(())
    }

    /// Emits one event; waits while the client is slow.
    pub async fn send<T: Serialize + ?Sized>(&mut self, event: &str, data: &T) -> Result<(), Gone> {
        self.make_room().await?;
        let began = Instant::now();
        loop {
            match self.socket.emit(event, data) {
                Ok(()) => return Ok(()),
                Err(error) => self.wait_or_end(event, error, began).await?,
            }
        }
    }

    /// Emits one event, and waits until the client has acknowledged it.
    pub async fn send_and_wait<T: Serialize + ?Sized>(&mut self, event: &str, data: &T) -> Result<(), Gone> {
        self.make_room().await?;
        let began = Instant::now();
        loop {
            match self.socket.emit_with_ack::<_, IgnoredAny>(event, data) {
                Ok(answer) => {
                    return match answer.await {
                        // Whatever it answers, it has it.
                        Ok(_) | Err(AckError::Decode(_)) => Ok(()),
                        Err(AckError::Timeout) => Err(self.cut("unacknowledged")),
                        Err(AckError::Socket(_closed)) => Err(Gone::Closed),
                    };
                }
                Err(error) => self.wait_or_end(event, error, began).await?,
            }
        }
    }

    /// After an emit that failed: a full buffer is waited for, a little.
    async fn wait_or_end(&self, event: &str, error: SendError, began: Instant) -> Result<(), Gone> {
        match error {
            SendError::Socket(SocketError::InternalChannelFull) if began.elapsed() < self.slow_after => {
                self.metrics.buffer_full.inc();
                tokio::time::sleep(LOOK).await;
                Ok(())
            }
            SendError::Socket(SocketError::InternalChannelFull) => Err(self.cut("buffer_full")),
            SendError::Socket(_closed) => Err(Gone::Closed),
            SendError::Serialize(error) => {
                // Our own values are plain JSON; should one not be, ending the socket makes it come back, where
                // dropping the event would lose it.
                tracing::error!(%error, event, "an event cannot be encoded");
                Err(self.cut("encoding"))
            }
        }
    }

    /// Waits until the client takes what was emitted: a websocket whose writes do not wait, or a poll that was answered
    /// since the chunk began (if the buffer is empty, one was; if it is not, one will be).
    async fn until_taken(&mut self) -> Result<(), Gone> {
        tokio::task::yield_now().await;
        let began = Instant::now();
        loop {
            let taken = match self.transport.websocket() {
                Some(connection) => connection.blocked_for().is_none(),
                None if self.is_polled() => self.transport.polls() > self.polls,
                None => true,
            };
            if taken {
                return Ok(());
            }
            if !self.socket.connected() {
                return Err(Gone::Closed);
            }
            if began.elapsed() >= self.slow_after {
                return Err(self.cut("stalled"));
            }
            let polled = async {
                match self.is_polled() {
                    // Noticed at once: a replay takes a poll for each chunk.
                    true => self.transport.polled_since(self.polls).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                () = polled => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Whether the client asks for its packets by long polls.
    fn is_polled(&self) -> bool {
        self.transport.websocket().is_none() && self.socket.transport_type() == TransportType::Polling
    }

    /// Cuts a socket that has been waiting for its client too long, though nothing is being emitted.
    pub fn check_stalled(&self) -> Result<(), Gone> {
        match self.transport.websocket().and_then(|connection| connection.blocked_for()) {
            Some(blocked) if blocked >= self.slow_after => Err(self.cut("stalled")),
            _ => Ok(()),
        }
    }

    /// Ends the transport below the socket, so that the client comes back by itself: after a disconnect by the server
    /// the official client would stay away.
    pub fn close_transport(&self) -> bool {
        match self.transport.websocket() {
            Some(connection) => {
                connection.cut();
                true
            }
            None => false,
        }
    }

    fn cut(&self, reason: &'static str) -> Gone {
        observe::socket_cut(&self.metrics, reason);
        if !self.close_transport() {
            let _full_or_closed = self.socket.clone().disconnect();
        }
        Gone::Slow
    }
}
