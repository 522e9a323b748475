//! All SQL of the service, by table. Functions take the open transaction in the role they need; callers own its limits.

pub mod accounts;
pub mod deliveries;
pub mod digests;
pub mod endpoints;
pub mod feed;
pub mod log;
pub mod mail_addresses;
pub mod notifications;
pub mod preferences;
pub mod push_subscriptions;
pub mod quiet_ends;
pub mod suppressions;
pub mod trigger_checks;
pub mod triggers;
pub mod users;

use postrider_storage::{EmbeddedMigrations, embed_migrations};

/// The schema's migrations, base included.
pub fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/notification");
    MIGRATIONS
}
