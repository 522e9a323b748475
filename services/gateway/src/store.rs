//! Tables of this service. The schema holds the common base only; keys, idempotency and the audit log bring the first
//! own tables, and with them the first use of `GATEWAY_DATABASE_URL` while serving.

use postrider_storage::{EmbeddedMigrations, Spec, migrate};

/// Schema and roles.
pub const SPEC: Spec = Spec::GATEWAY;

/// All migrations of the schema.
pub fn migrations() -> EmbeddedMigrations {
    migrate::NONE
}
