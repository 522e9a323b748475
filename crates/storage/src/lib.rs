//! Postgres for every service: the pool, transactions that cannot forget role and tenant, the outbox, the inbox,
//! dense streams, leases and keyset pages.
//!
//! All SQL of the workspace is written with [`sql`] inside this crate and the services' `store/` folders.

pub mod connect;
pub mod db;
pub mod error;
pub mod inbox;
pub mod jobs;
pub mod lease;
pub mod migrate;
pub mod outbox;
pub mod page;
pub mod spec;
pub mod statement;
pub mod streams;
pub mod tx;

pub use db::{Db, DbConfig};
pub use diesel::QueryableByName;
pub use diesel::sql_types as types;
pub use diesel_async::AsyncPgConnection;
pub use diesel_migrations::{EmbeddedMigrations, embed_migrations};
pub use error::Error;
pub use spec::Spec;
pub use statement::{Statement, sql};
pub use tx::Tx;
