//! SQL, one file a table. Functions take an open transaction that has entered the right role; none commits.

pub mod connector_view;
pub mod connectors;
pub mod credentials;
pub mod google_accounts;
pub mod google_apps;
pub mod grant_endings;
pub mod members;
pub mod oauth_states;
pub mod watch_due;
pub mod watches;

use postrider_storage::{EmbeddedMigrations, embed_migrations};

/// All migrations of the schema.
pub fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/connector");
    MIGRATIONS
}
