//! Pulling events from their producer over HTTP, for what the broker lost (law 7).
//!
//! The producer mounts [`routes`] over its database; a consumer asks through [`HttpEventSource`]. Only services may ask.

mod client;
mod routes;
mod wire;

pub use client::HttpEventSource;
pub use routes::routes;
pub use wire::{EventPage, StreamPage, WireEvent};
