//! SQL, one file a table. Functions take the open transaction in the role they need; none commits.

pub mod channels;

use postrider_storage::{EmbeddedMigrations, Spec, embed_migrations};

/// Schema and roles.
pub const SPEC: Spec = Spec::INGEST;

/// All migrations of the schema.
pub fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/ingest-webhook");
    MIGRATIONS
}
