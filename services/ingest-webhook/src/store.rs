//! Tables of this service. The schema holds the common base only; header-style channels bring the first own table.

use postrider_storage::{EmbeddedMigrations, Spec, migrate};

/// Schema and roles.
pub const SPEC: Spec = Spec::INGEST;

/// All migrations of the schema.
pub fn migrations() -> EmbeddedMigrations {
    migrate::NONE
}
