//! What tests share: a database and a broker of their own for each test. Panics are this crate's way to fail a test.
#![expect(clippy::panic, reason = "a test without its database must fail loudly")]

pub mod broker;
pub mod db;
pub mod events;
pub mod large;
pub mod mock;
pub mod poll;
pub mod python;
pub mod server;
pub mod services;

pub use self::broker::TestVhost;
pub use self::mock::MockServer;
pub use self::poll::{eventually, until};
pub use self::python::python;
