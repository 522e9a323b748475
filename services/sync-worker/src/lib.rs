//! sync-worker: keeps the mirror of every connected mailbox true, tells what changed, and answers questions about mail.
//!
//! `engine` does the work on one mailbox under a lease, asks `rules` for every decision and writes through `store`.

mod app;
pub mod config;
pub mod consumers;
pub mod content;
pub mod engine;
pub mod error;
pub mod http;
pub mod jobs;
pub mod kept;
pub mod metrics;
pub mod observe;
pub mod rules;
pub mod state;
pub mod store;
mod tokens;

pub use app::{App, Deps};
