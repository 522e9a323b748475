//! Integration tests of sync-worker: real Postgres, the simulator's core in process.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic like the tests themselves"
)]

mod actor;
mod gmail;
mod harness;
mod leases;
mod listing;
mod property;
mod queue;
mod quota;
mod retention;
mod schema;
