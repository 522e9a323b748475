//! Access tokens for sync-worker.

pub mod create;
