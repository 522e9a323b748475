//! Storage against a real Postgres, each test in a database of its own.

mod harness;
mod inbox_and_leases;
mod migrations;
mod outbox;
mod roles;
mod streams;
mod transactions;
