//! SQL of the mirror: a file or a folder for each table. Functions take an open transaction in the role they need; who
//! calls opens and commits it.

pub mod attachments;
pub mod blobs;
pub mod buckets;
pub mod changes;
pub mod clock;
pub mod days;
pub mod email_labels;
pub mod emails;
pub mod erasures;
pub mod labels;
pub mod ledger;
pub mod listing;
pub mod mailboxes;
pub mod parked;
pub mod queue;
pub mod references;
pub mod removals;
pub mod rereads;
pub mod retention;
pub mod runs;
pub mod search;
pub mod slices;
pub mod sources;

use postrider_domain::LabelId;
use postrider_storage::{EmbeddedMigrations, embed_migrations};

/// The schema's migrations.
pub fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sync-worker");
    MIGRATIONS
}

/// Label ids of one mail as one text, because Postgres flattens arrays of arrays. Ids hold no control characters.
fn joined(labels: &[LabelId]) -> String {
    labels.iter().map(LabelId::as_str).collect::<Vec<_>>().join("\n")
}

/// A count for a `bigint` column.
pub fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
