//! What tests share: a database and a broker of their own for each test. Panics are this crate's way to fail a test.
#![expect(clippy::panic, reason = "a test without its database must fail loudly")]

pub mod db;
pub mod services;
