//! sync-worker: keeps the mirror of every connected mailbox true (design §4).
pub mod engine;
pub mod error;
pub mod metrics;
pub mod rules;
pub mod store;
