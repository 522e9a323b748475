//! Outbound HTTP: clients, one TLS configuration, bounded bodies, bearer headers, and the one cache of issuers' public
//! keys. What an answer means is for its caller to say.

mod bearer;
mod body;
pub mod client;
mod jwks;
pub mod tls;

pub use bearer::bearer;
pub use body::{BodyError, body};
pub use client::{HttpError, SetupError, Timeouts};
pub use jwks::{Jwks, KeyError, PublicKey};
