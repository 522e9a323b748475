//! What goes over the wire beside the entries of a log. Everything a client sends is parsed here; past here there is no
//! raw JSON from outside.

pub mod event_id;
pub mod handshake;
pub mod problem;
pub mod request;
