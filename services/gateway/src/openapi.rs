//! One `/openapi.json` out of the services' own documents.
//!
//! [`merge`] is pure; [`catalog`] fetches the documents, remembers each for a while and lives with services that are
//! down (their last known document is used, and named as stale).

pub mod catalog;
mod common;
mod merge;
mod own;

pub use merge::{Part, merge};
