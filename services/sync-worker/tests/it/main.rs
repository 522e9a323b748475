//! Integration tests of sync-worker: real Postgres, the simulator's core in process.

mod actor;
mod gmail;
mod harness;
mod leases;
mod property;
mod queue;
mod schema;
