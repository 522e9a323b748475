//! Socket.IO: its own listener, one session task for each socket, events in the order of the user's log.
//!
//! ```text
//! server     accepts connections, makes a Session for each socket of the namespace, drains them at the stop
//! inbound    queues what a client sends, in its order;  protocol  is what may be sent, parsed
//! session    authenticate → subscribe → catch_up reads rows until none is missing
//!            hint → deliver: the very next entry at once, otherwise catch_up
//!            cursors: what each room is owed → emitter: out without losing or piling up → watermark: what arrived
//! ```

mod confirmed;
mod identity;
mod inbound;
mod protocol;
mod rate;
mod server;
mod session;
mod settings;
mod shared;
mod user_rates;

pub use server::SocketServer;
pub use settings::Settings;
pub use shared::{Shared, Sockets};
