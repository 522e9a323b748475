//! Postgres for every service: the pool, transactions whose role is their type, leases and keyset pages. Knows no broker.
//!
//! All SQL of the workspace is written with [`sql`] inside this crate and the services' `store/` folders.

pub mod columns;
pub mod connect;
pub mod db;
pub mod due;
pub mod error;
pub mod inspect;
pub mod lease;
pub mod migrate;
mod passwords;
pub mod row;
pub mod spec;
pub mod statement;
mod tls;
pub mod tx;

pub use db::{Db, DbConfig};
pub use diesel::QueryableByName;
pub use diesel::deserialize::Result as RowResult;
pub use diesel::pg::Pg;
pub use diesel::row::NamedRow;
pub use diesel::sql_types as types;
pub use diesel_async::AsyncPgConnection;
pub use diesel_migrations::{EmbeddedMigrations, embed_migrations};
pub use error::Error;
pub use postrider_domain::sql::Column;
pub use row::Value;
pub use spec::Spec;
pub use statement::{Statement, sql};
pub use tx::{SystemTx, TenantTx, Tx};
