//! What becomes of a batch of messages, with the parking lot and the ledger kept in step: the only place that compares
//! versions (law 2) and names the ledger's three ends (law 3). Of one message:
//!
//! | what came | row of the same generation | becomes |
//! | --- | --- | --- |
//! | a deletion newer than the row | any | tombstone |
//! | a deletion behind it (late) | there | what a fetch answers: 404 is a tombstone |
//! | label changes newer than the row | there | replayed on its labels |
//! | any record behind the row (late) | there | what a fetch answers, unless the last one already held the record |
//! | any record behind the row | tombstone | the tombstone stays |
//! | an answer older than the row, or than a record that led to it | any | stale: parked, asked again |

use postrider_domain::{HistoryId, LabelId, MessageId, Timestamp, Version};
use postrider_gmail::MailMeta;

use super::change::{Change, Delta, Known, fetch};
use super::ids::Ids;
use super::park::{Parked, Reason, parking};
use super::settle::VISIBLE_AFTER;
use crate::content::fetched::Fetched;

/// All that is at hand of one message when it is decided.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub change: &'a Change,
    pub fetched: Option<&'a Fetched>,
    pub known: Option<&'a Known>,
    pub waiting: Option<&'a Parked>,
}

impl<'a> Message<'a> {
    /// A message of which the mirror was not asked yet.
    pub fn new(change: &'a Change, fetched: Option<&'a Fetched>) -> Self {
        Self { change, fetched, known: None, waiting: None }
    }
}

/// What becomes of one message.
pub struct Decided {
    pub row: Row,
    /// A history record added it, now or when it was parked.
    pub live: bool,
}

/// How far the mirror had come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ground {
    pub settled: HistoryId,
    /// When the last complete look began.
    pub caught_up_at: Timestamp,
    /// The first run came to its end.
    pub first_synced: bool,
}

/// What a transaction adds to the ledger; entries that leave the parking lot count negatively under `parked`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub seen: i64,
    pub applied: i64,
    pub tombstoned: i64,
    pub parked: i64,
}

/// What becomes of a batch.
pub struct Plan {
    ids: Ids,
    ground: Ground,
    /// These are scheduled looks at parked messages.
    look: bool,
    now: Timestamp,
    pub park: Vec<Parked>,
    pub unpark: Vec<MessageId>,
    pub tally: Tally,
}

impl Plan {
    pub fn new(ids: Ids, ground: Ground, look: bool, now: Timestamp) -> Self {
        Self { ids, ground, look, now, park: Vec::new(), unpark: Vec::new(), tally: Tally::default() }
    }

    /// Decides one message.
    pub fn decide(&mut self, message: &Message<'_>) -> Decided {
        let waits = Waits(message.waiting.filter(|parked| parked.changes > 0).map(|parked| parked.history_id));
        let decide = |ids: &Ids| row(message.change, message.known, message.fetched, waits, ids);
        let mut row = decide(&self.ids);
        let live = self.is_news(message) || message.waiting.is_some_and(|parked| parked.live);
        if let Row::Park { reason, error } = &row {
            match parking(message.change, message.waiting, *reason, error, self.look, self.now) {
                Some(parked) => self.park.push(Parked { live, ..parked }),
                None => {
                    row = match reason {
                        Reason::Stale => decide(&self.ids.taking()),
                        Reason::NotVisible | Reason::Poison => given_up(message, &self.ids),
                    }
                }
            }
        }
        let end = end(message.change, message.known, &row);
        self.count(message, end);
        if end != End::Parked && message.waiting.is_some() {
            self.unpark.push(message.change.message_id.clone());
        }
        Decided { row, live }
    }

    /// Whether records say that the mail came just now.
    fn is_news(&self, message: &Message<'_>) -> bool {
        let Message { change, known, .. } = message;
        // A record that only names a mail says so of one that nobody knew, or that a run stored while the record was hidden.
        let fresh = |known: &Known| known.received_at >= self.ground.caught_up_at - VISIBLE_AFTER;
        let named = change.named.is_some() && known.is_none_or(|known| !known.announced && fresh(known));
        // While ids are back, history may show again what was there before they went, or before there was a mirror.
        let old = known.is_some() || !self.ground.first_synced;
        let again = |record: HistoryId| self.ids.take && old && record <= self.ground.settled;
        named || change.added.is_some_and(|record| !again(record))
    }

    /// Entries of this change, and those that waited, go where the message goes.
    fn count(&mut self, message: &Message<'_>, end: End) {
        let fresh = i64::from(message.change.entries);
        let waited = message.waiting.map_or(0, |parked| i64::from(parked.changes));
        self.tally.seen += fresh;
        match end {
            End::Parked => self.tally.parked += fresh,
            End::Applied => self.tally.applied += fresh + waited,
            End::Tombstoned => self.tally.tombstoned += fresh + waited,
        }
        if end != End::Parked {
            self.tally.parked -= waited;
        }
    }
}

/// What becomes of the message's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// Nothing: the mirror is as new.
    Current,
    /// Content, labels and version.
    Store { labels: Vec<LabelId>, version: Version, fetched: HistoryId },
    /// Labels and version of a mail whose content is here; it is there again if it was deleted. `fetched` where they were
    /// fetched and not replayed.
    Relabel { labels: Vec<LabelId>, version: Version, fetched: Option<HistoryId> },
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

/// What waits for the message in the parking lot: the newest record among it, if records led there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waits(pub Option<HistoryId>);

/// Decides, on the rows as they are under the mailbox's lock.
pub fn row(change: &Change, known: Option<&Known>, fetched: Option<&Fetched>, waits: Waits, ids: &Ids) -> Row {
    let gone = |newest: HistoryId| {
        let known = known.map(|known| known.version).filter(|version| version.generation == ids.generation);
        let version = ids.version(newest);
        Row::Tombstone { version: known.map_or(version, |known| known.max(version)) }
    };
    let needs = fetch(change, known, waits.0.is_some(), ids);
    if let Some(deleted) = change.deleted {
        match known {
            // An answer decides.
            _ if needs.is_some() => {}
            Some(known) if matches!(fetched, Some(Fetched::Missing)) && !known.is_deleted => return gone(deleted),
            // Gone already, or fetched since: it was there after this.
            Some(known) if known.version >= ids.version(deleted) => return Row::Current,
            _ => return gone(deleted),
        }
    }
    match (fetched, known) {
        (Some(Fetched::Mail(mail)), _) => there(change, known, &mail.meta, true, waits, ids),
        (Some(Fetched::Labels(meta) | Fetched::Unchanged(meta)), _) => there(change, known, meta, false, waits, ids),
        (Some(Fetched::Missing), Some(known)) if known.is_deleted => Row::Current,
        (Some(Fetched::Missing), _) => match change.deleted {
            Some(deleted) => gone(deleted),
            None => park(Reason::NotVisible, "Gmail answers 404"),
        },
        (Some(Fetched::NoSource | Fetched::Poison(_)) | None, Some(known)) if needs.is_none() => {
            let newest = change.deltas.iter().map(|delta| delta.history_id).max();
            match newest.filter(|newest| *newest > known.version.history_id && !known.is_deleted) {
                Some(newest) => Row::Relabel {
                    labels: replay(&known.labels, known.version.history_id, &change.deltas),
                    version: ids.version(newest),
                    fetched: None,
                },
                None => Row::Current,
            }
        }
        (Some(Fetched::NoSource), _) => park(Reason::Poison, "Gmail gives no source for it"),
        (Some(Fetched::Poison(error)), _) => park(Reason::Poison, error),
        // The row changed between the fetch and the lock: look again.
        (None, _) => park(Reason::NotVisible, "not fetched"),
    }
}

fn there(change: &Change, known: Option<&Known>, meta: &MailMeta, body: bool, waits: Waits, ids: &Ids) -> Row {
    let told = meta.history_id;
    let known = known.map(|known| (known, known.version.generation == ids.generation));
    let at = known.filter(|(_, same)| *same).map(|(known, _)| known.version.history_id);
    // Deltas newer than the row are put on top of an older answer; of any other record the answer itself must tell.
    let untold = [change.added, change.named, change.deleted, waits.0].into_iter().flatten();
    let late = change.deltas.iter().map(|delta| delta.history_id).filter(|record| at.is_some_and(|at| *record <= at));
    let led_by = untold.chain(late).max();
    if !ids.take && led_by.is_some_and(|record| record > told) {
        return park(Reason::Stale, "the answer is older than the record that led to it");
    }
    let newest = change.deltas.iter().map(|delta| delta.history_id).max();
    let labels = replay(&meta.labels, told, &change.deltas);
    if let (Some((known, _)), Some(at)) = (known, at)
        && told < at
        && !ids.take
    {
        // What was applied since the answer is not in it: newer deltas go on the row's own labels, nothing else is told.
        let newest = newest.filter(|newest| *newest > at);
        return match (led_by, newest) {
            (None, Some(newest)) if !known.is_deleted => Row::Relabel {
                labels: replay(&known.labels, at, &change.deltas),
                version: ids.version(newest),
                fetched: None,
            },
            (None, None) => Row::Current,
            _ => park(Reason::Stale, "the answer is older than the row"),
        };
    }
    let fetched = ids.capped(told);
    let version = ids.version([Some(fetched), newest, at].into_iter().flatten().max().unwrap_or(fetched));
    match known {
        Some((known, _)) if known.version == version && !known.is_deleted && known.labels == labels => Row::Current,
        Some((known, _)) if !known.stub => Row::Relabel { labels, version, fetched: Some(fetched) },
        _ if !body => park(Reason::NotVisible, "its content was not fetched"),
        _ if meta.internal_date.is_none() && !ids.take => park(Reason::Stale, "Gmail has no date for it yet"),
        _ => Row::Store { labels, version, fetched },
    }
}

/// The labels after every delta that is newer than what `labels` already reflect; sorted, without repeats.
fn replay(labels: &[LabelId], known: HistoryId, deltas: &[Delta]) -> Vec<LabelId> {
    let mut result: Vec<LabelId> = labels.to_vec();
    for delta in deltas.iter().filter(|delta| delta.history_id > known) {
        result.retain(|label| !delta.removed.contains(label));
        result.extend(delta.added.iter().cloned());
    }
    result.sort_unstable();
    result.dedup();
    result
}

fn park(reason: Reason, error: &str) -> Row {
    Row::Park { reason, error: error.to_owned() }
}

/// Nothing was there for a day: a tombstone, as new as whatever the mirror knows.
fn given_up(message: &Message<'_>, ids: &Ids) -> Row {
    let last = message.waiting.map_or(message.change.last, |parked| parked.history_id.max(message.change.last));
    let version = ids.version(last);
    Row::Tombstone { version: message.known.map_or(version, |known| known.version.max(version)) }
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
