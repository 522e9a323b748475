//! SQL, one file a table. Functions take the open transaction in the role they need; none commits.

pub mod api_keys;
pub mod audit_log;
pub mod idempotency_keys;

use postrider_storage::{EmbeddedMigrations, Spec, embed_migrations};

/// Schema and roles.
pub const SPEC: Spec = Spec::GATEWAY;

/// All migrations of the schema.
pub fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/gateway");
    MIGRATIONS
}
