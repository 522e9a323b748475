//! SQL of the mirror: one file a table. Functions take an open transaction that has entered a role; who calls opens it.

pub mod accounts;
pub mod attachments;
pub mod buckets;
pub mod changes;
pub mod due;
pub mod email_labels;
pub mod email_writes;
pub mod emails;
pub mod labels;
pub mod leases;
pub mod ledger;
pub mod listing;
pub mod mail_reads;
mod mailbox_row;
pub mod mailboxes;
pub mod parked;
pub mod queue;
pub mod retention;
pub mod run_reads;
mod run_row;
pub mod runs;
pub mod slices;
pub mod sources;
pub mod stats;
pub mod summaries;

use postrider_domain::{LabelId, MessageId};
use postrider_storage::{EmbeddedMigrations, Error, embed_migrations};

/// The schema's migrations.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sync-worker");

/// The schema's migrations, for tests that make databases of their own.
pub fn migrations() -> EmbeddedMigrations {
    MIGRATIONS
}

/// Reads a message id back; what was parsed on the way in parses on the way out.
fn message_id(text: String) -> Result<MessageId, Error> {
    MessageId::parse(text).map_err(|error| Error::Other(error.to_string()))
}

/// Reads label ids back.
fn label_ids(texts: Vec<String>) -> Vec<LabelId> {
    texts.into_iter().filter_map(|text| LabelId::parse(text).ok()).collect()
}

/// Label ids of one mail as one text, because Postgres flattens arrays of arrays. Ids hold no control characters.
fn joined(labels: &[LabelId]) -> String {
    labels.iter().map(LabelId::as_str).collect::<Vec<_>>().join("\n")
}

/// A count for a `bigint` column.
pub fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
