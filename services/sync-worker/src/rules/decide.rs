//! What becomes of one message: the only place that compares versions (law 2) and names the ledger's three ends (law 3).

use postrider_domain::{LabelId, Version};
use postrider_gmail::MailMeta;

use super::change::{Change, Known, replay};
use super::park::Reason;
use crate::content::fetched::Fetched;

/// What becomes of the message's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// Nothing: the mirror is as new.
    Current,
    /// Content, labels and version.
    Store { labels: Vec<LabelId>, version: Version },
    /// Labels and version of a mail whose content is here; it is there again if it was deleted.
    Relabel { labels: Vec<LabelId>, version: Version },
    /// It is gone.
    Tombstone { version: Version },
    /// Cannot be applied now.
    Park { reason: Reason, error: String },
}

/// Where the entries of a change are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Applied,
    Tombstoned,
    Parked,
}

/// Decides, on the rows as they are under the mailbox's lock.
pub fn row(change: &Change, known: Option<&Known>, fetched: Option<&Fetched>, generation: i32) -> Row {
    if let Some(deleted) = change.deleted {
        let version = Version::new(generation, deleted);
        return match known {
            Some(known) if known.version > version || known.version == version && known.is_deleted => Row::Current,
            _ => Row::Tombstone { version },
        };
    }
    match (fetched, known) {
        (Some(Fetched::Mail(mail)), known) => there(change, known, &mail.meta, true, generation),
        (Some(Fetched::Labels(meta)), known) => there(change, known, meta, false, generation),
        (Some(_), Some(known)) if known.version >= Version::new(generation, change.last) => Row::Current,
        (Some(Fetched::Missing), Some(known)) if known.is_deleted => Row::Current,
        (Some(Fetched::Missing), _) => park(Reason::NotVisible, "Gmail answers 404"),
        (Some(Fetched::Poison(error)), _) => park(Reason::Poison, error),
        (None, Some(known)) if known.version >= Version::new(generation, change.last) => Row::Current,
        (None, Some(known)) if !known.is_deleted && known.version.generation == generation => Row::Relabel {
            labels: replay(&known.labels, known.version.history_id, &change.deltas),
            version: Version::new(generation, change.last),
        },
        // The row changed between the fetch and the lock: look again.
        (None, _) => park(Reason::NotVisible, "not fetched"),
    }
}

fn there(change: &Change, known: Option<&Known>, meta: &MailMeta, body: bool, generation: i32) -> Row {
    // Deltas newer than the answer are put on top: an answer may lag behind the record that led to it.
    let newest = change.deltas.iter().map(|delta| delta.history_id).max().unwrap_or(meta.history_id);
    let labels = replay(&meta.labels, meta.history_id, &change.deltas);
    let version = Version::new(generation, meta.history_id.max(newest));
    match known {
        Some(known) if known.version > version => Row::Current,
        Some(known) if known.version == version && !known.is_deleted && known.labels == labels => Row::Current,
        Some(known) if !known.stub => Row::Relabel { labels, version },
        _ if body => Row::Store { labels, version },
        _ => park(Reason::NotVisible, "its content was not fetched"),
    }
}

fn park(reason: Reason, error: &str) -> Row {
    Row::Park { reason, error: error.to_owned() }
}

/// Where the change's entries are counted.
pub fn end(change: &Change, known: Option<&Known>, row: &Row) -> End {
    match row {
        Row::Park { .. } => End::Parked,
        Row::Tombstone { .. } => End::Tombstoned,
        Row::Current if change.deleted.is_some() || known.is_some_and(|known| known.is_deleted) => End::Tombstoned,
        Row::Current | Row::Store { .. } | Row::Relabel { .. } => End::Applied,
    }
}

#[cfg(test)]
#[path = "decide/tests.rs"]
mod tests;
