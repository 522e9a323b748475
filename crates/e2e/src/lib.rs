//! The whole stack under test: real processes, a real Postgres and RabbitMQ, the simulated Google, and the official
//! Socket.IO client. Panics are this crate's way to fail a test.
#![expect(clippy::panic, clippy::expect_used, reason = "a test that cannot go on must fail loudly")]

pub mod account;
pub mod client;
pub mod collector;
pub mod flood;
pub mod leases;
pub mod ledger;
pub mod mirror;
pub mod ports;
pub mod program;
pub mod sim;
pub mod socket;
pub mod until;
pub mod world;

pub use account::Account;
pub use until::{eventually, within};
pub use world::World;
