//! `/socket.io/`: the gateway neither reads nor writes Socket.IO, it carries bytes to the notification service, which
//! verifies the client's token in its own handshake.
//!
//! [`websocket`] takes the connection over after 101 and copies both ways; [`polling`] are plain requests that stay on
//! the replica that made the session. [`socket`] opens the connection to the replica with bounded kernel buffers, so
//! that a client that stops reading is noticed instead of being buffered for. [`places`] bounds how many there are, and
//! [`sessions`] knows which polling sessions exist.

mod places;
pub mod polling;
mod pump;
pub mod replicas;
mod sessions;
mod socket;
pub mod websocket;

pub use places::{Full, Most, Place, Places};
pub use replicas::{Replica, Replicas};
pub use sessions::Sessions;
pub use socket::BUFFER;
