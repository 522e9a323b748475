//! `ingest-webhook`: receives Gmail's pushes, proves that they are Google's, publishes `mailbox.changed` and answers 202
//! once the broker has confirmed it (law 1). It knows no account and keeps no row: a push is a hint (law 2).

pub mod accounts;
mod app;
pub mod config;
pub mod confirm;
pub mod consumers;
pub mod error;
pub mod http;
pub mod jobs;
pub mod metrics;
pub mod observe;
pub mod pull;
pub mod recent;
pub mod rules;
pub mod state;
pub mod store;

pub use app::{App, Deps};
