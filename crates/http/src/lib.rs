//! Outbound HTTP: one client, one TLS configuration, bounded bodies.

pub mod client;
pub mod tls;

pub use client::{HttpError, SetupError};
