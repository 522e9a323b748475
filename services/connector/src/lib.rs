//! The service that owns connected accounts: OAuth, connectors, sealed credentials, access-token leases, watches.
//!
//! It is the only place that can open a refresh token (law 6). Others learn of accounts from its events.

pub mod actions;
mod app;
pub mod config;
pub mod consumers;
pub mod error;
pub mod events;
mod google_port;
pub mod http;
pub mod jobs;
pub mod metrics;
pub mod observe;
mod rotate_keys;
pub mod rules;
pub mod state;
pub mod store;
mod vault;

pub use app::{App, Deps};
