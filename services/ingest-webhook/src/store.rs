//! Tables of this service. The schema holds the common base only; header-style channels bring the first own table.

use postrider_storage::{EmbeddedMigrations, Spec, embed_migrations};

/// Schema and roles.
pub const SPEC: Spec = Spec::INGEST;

/// All migrations of the schema.
pub fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/ingest");
    MIGRATIONS
}
