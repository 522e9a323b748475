//! Outbound HTTP: one client, one TLS configuration, bounded bodies, bearer headers.

mod bearer;
pub mod client;
pub mod tls;

pub use bearer::bearer;
pub use client::{HttpError, SetupError};
