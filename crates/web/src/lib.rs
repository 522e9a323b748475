//! What every HTTP listener of Postrider has in common.
//!
//! [`Server::bind`] gives a service its public listener (the routes it configures, `/health/live`, `/health/ready`) and
//! its admin listener (`/metrics`). Every request gets an id, a trace, one access line and a place in a histogram; every
//! error leaves as `application/problem+json` ([`Problem`]).
//!
//! Handlers take strict extractors ([`ApiJson`], [`ApiQuery`], [`PathId`], [`AccountHeader`]) and the verified caller
//! ([`Caller`], [`ServiceCaller`]); lists are pages ([`Page`], [`Limit`], [`Cursor`]). Services call each other with [`ServiceClient`], which mints the 60-second token the callee
//! verifies ([`service_tokens`]). Clients' own tokens are the business of [`client_tokens`], used by the gateway and the
//! Socket.IO handshake.

pub mod body;
pub mod client;
pub mod client_tokens;
pub mod codes;
pub mod extract;
pub mod health;
mod list;
pub mod middleware;
pub mod openapi;
mod origins;
pub mod problem;
mod scope;
mod server;
pub mod service_tokens;

pub use actix_web;
pub use client::{Call, ClientError, ServiceClient, Timeouts};
pub use extract::{AccountHeader, ApiJson, ApiQuery, Caller, PathId, ServiceCaller, WriteId, bearer};
pub use health::Health;
pub use list::{Cursor, Limit, Page, RowTime};
pub use middleware::RequestContext;
pub use origins::{NotAnOrigin, Origins};
pub use problem::{FieldError, Problem, ProblemDocument};
pub use scope::{Scope, Scopes};
pub use server::{BindError, Server, ServerConfig};
pub use service_tokens::{InternalKeys, InternalTokens};
