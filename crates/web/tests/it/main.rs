//! The web crate over real sockets: servers on port 0, asked by reqwest and by raw bytes.

mod callers;
mod client;
mod client_tokens;
mod events;
mod harness;
mod hostile;
mod requests;
mod stop;
