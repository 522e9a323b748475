//! SQL, one file or folder a table. Functions take the open transaction in the role they need; none commits.

pub mod bootstrap_tokens;
pub mod connect_links;
pub mod connectors;
pub mod credentials;
pub mod google_accounts;
pub mod grant_endings;
pub mod oauth_states;
pub mod redeemed_codes;
pub mod watches;

use postrider_storage::{EmbeddedMigrations, embed_migrations};

/// All migrations of the schema.
pub fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/connector");
    MIGRATIONS
}
