//! Which connection carries which socket, by Engine.IO's session id. A socket that began with polling and moved to
//! websocket is carried by a connection its first request knew nothing of.

use std::sync::{Arc, Weak};
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::connection::ConnectionState;

/// Sockets remembered. A forgotten one is still ended by the kernel's own timeout.
const MAX: u64 = 200_000;
/// A session id nobody used for so long is forgotten.
const IDLE: Duration = Duration::from_secs(3_600);

/// What carries one socket.
#[derive(Debug, Default)]
pub struct Transport {
    websocket: Mutex<Option<Weak<ConnectionState>>>,
    polls: watch::Sender<u64>,
}

impl Transport {
    /// A websocket took the socket over.
    pub fn upgraded(&self, connection: &Arc<ConnectionState>) {
        *self.websocket.lock() = Some(Arc::downgrade(connection));
    }

    /// The websocket's connection, while it lives.
    pub fn websocket(&self) -> Option<Arc<ConnectionState>> {
        self.websocket.lock().as_ref().and_then(Weak::upgrade)
    }

    /// A long poll was answered.
    pub fn polled(&self) {
        self.polls.send_modify(|polls| *polls += 1);
    }

    /// Long polls answered so far.
    pub fn polls(&self) -> u64 {
        *self.polls.borrow()
    }

    /// Returns once more long polls than these were answered.
    pub async fn polled_since(&self, polls: u64) {
        let mut answered = self.polls.subscribe();
        // The sender is ours: it cannot be gone.
        let _never_closed = answered.wait_for(|answered| *answered > polls).await;
    }
}

/// All transports of this replica.
#[derive(Debug, Clone)]
pub struct Transports(Cache<String, Arc<Transport>>);

impl Default for Transports {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX).time_to_idle(IDLE).build())
    }
}

impl Transports {
    /// The transport of a session id.
    pub fn of(&self, sid: &str) -> Arc<Transport> {
        self.0.get_with_by_ref(sid, Arc::default)
    }

    /// Forgets a socket that is gone.
    pub fn forget(&self, sid: &str) {
        self.0.invalidate(sid);
    }
}
