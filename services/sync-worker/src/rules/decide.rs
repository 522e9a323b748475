//! What becomes of one message: the only place that compares versions (law 2) and names the ledger's three ends (law 3).

use postrider_domain::{EmailId, HistoryId, LabelId, MessageId, Timestamp, Version};

use super::fold::{Action, replay};
use super::park::Reason;

/// What the mirror knows of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub email_id: EmailId,
    pub message_id: MessageId,
    pub version: Version,
    /// Only its tombstone is known.
    pub stub: bool,
    pub is_deleted: bool,
    pub labels: Vec<LabelId>,
    pub received_at: Timestamp,
    /// email.received or .sent was raised.
    pub announced: bool,
}

/// What must be asked of Gmail before an action can be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Nothing,
    /// Labels and version; the body is here.
    Meta,
    /// All of it.
    Mail,
}

/// What Gmail answered, without the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learned {
    /// The state of the mail; `body` when its content came along.
    There { labels: Vec<LabelId>, history_id: HistoryId, body: bool },
    /// 404.
    Missing,
    /// Something that belongs to this one mail went wrong.
    Poison(String),
}

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
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

/// Where the entries of an action are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Applied,
    Tombstoned,
    Parked,
}

/// What to ask of Gmail, given what the mirror knows. A row of an older generation may have missed changes: no record
/// is applied to it before it was learnt again.
pub fn need(action: &Action, known: Option<&Known>, generation: i32) -> Need {
    if action.deleted.is_some() {
        return Need::Nothing;
    }
    let Some(known) = known else { return Need::Mail };
    if known.version >= Version::new(generation, action.last) {
        return Need::Nothing;
    }
    let stale = known.is_deleted || known.version.generation < generation || action.added.is_some();
    match (stale, known.stub) {
        (false, _) => Need::Nothing,
        (true, false) => Need::Meta,
        (true, true) => Need::Mail,
    }
}

/// Decides, on the rows as they are under the mailbox's lock.
pub fn verdict(action: &Action, known: Option<&Known>, learned: Option<&Learned>, generation: i32) -> Verdict {
    if let Some(deleted) = action.deleted {
        let version = Version::new(generation, deleted);
        return match known {
            Some(known) if known.version > version || known.version == version && known.is_deleted => Verdict::Current,
            _ => Verdict::Tombstone { version },
        };
    }
    match (learned, known) {
        (Some(Learned::There { labels, history_id, body }), known) => {
            there(action, known, (labels, *history_id, *body), generation)
        }
        (Some(_), Some(known)) if known.version >= Version::new(generation, action.last) => Verdict::Current,
        (Some(Learned::Missing), Some(known)) if known.is_deleted => Verdict::Current,
        (Some(Learned::Missing), _) => park(Reason::NotVisible, "Gmail answers 404"),
        (Some(Learned::Poison(error)), _) => park(Reason::Poison, error),
        (None, Some(known)) if known.version >= Version::new(generation, action.last) => Verdict::Current,
        (None, Some(known)) if !known.is_deleted && known.version.generation == generation => Verdict::Relabel {
            labels: replay(&known.labels, known.version.history_id, &action.deltas),
            version: Version::new(generation, action.last),
        },
        // The row changed between the plan and the lock: look again.
        (None, _) => park(Reason::NotVisible, "not fetched"),
    }
}

fn there(
    action: &Action,
    known: Option<&Known>,
    (labels, history_id, body): (&[LabelId], HistoryId, bool),
    generation: i32,
) -> Verdict {
    // Deltas newer than the answer are put on top: an answer may lag behind the record that led to it.
    let newest = action.deltas.iter().map(|delta| delta.history_id).max().unwrap_or(history_id);
    let labels = replay(labels, history_id, &action.deltas);
    let version = Version::new(generation, history_id.max(newest));
    match known {
        Some(known) if known.version > version => Verdict::Current,
        Some(known) if known.version == version && !known.is_deleted && known.labels == labels => Verdict::Current,
        Some(known) if !known.stub => Verdict::Relabel { labels, version },
        _ if body => Verdict::Store { labels, version },
        _ => park(Reason::NotVisible, "its content was not fetched"),
    }
}

fn park(reason: Reason, error: &str) -> Verdict {
    Verdict::Park { reason, error: error.to_owned() }
}

/// Where the action's entries are counted.
pub fn end(action: &Action, known: Option<&Known>, verdict: &Verdict) -> End {
    match verdict {
        Verdict::Park { .. } => End::Parked,
        Verdict::Tombstone { .. } => End::Tombstoned,
        Verdict::Current if action.deleted.is_some() || known.is_some_and(|known| known.is_deleted) => End::Tombstoned,
        Verdict::Current | Verdict::Store { .. } | Verdict::Relabel { .. } => End::Applied,
    }
}

#[cfg(test)]
#[path = "decide/tests.rs"]
mod tests;
