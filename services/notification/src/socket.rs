//! Socket.IO: its own listener, one session task for each socket, events in the order of the user's log.
//!
//! The listener and its connections are `listener`, `connection`, `transports`; what clients send is `incoming`; who
//! they are is `identity`; what they are owed is `cursor`, `watermark` and `session`; getting it out without losing or
//! piling up is `emitter`; ending politely is `drain`.

pub mod connection;
pub mod cursor;
pub mod drain;
pub mod emitter;
pub mod event_id;
pub mod identity;
pub mod incoming;
pub mod listener;
pub mod namespace;
pub mod origins;
pub mod problem;
pub mod session;
pub mod settings;
pub mod transports;
pub mod watermark;

pub use listener::SocketServer;
pub use origins::Origins;
pub use settings::Settings;
