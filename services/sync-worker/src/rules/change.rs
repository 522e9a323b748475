//! Folds history records into one change for each message, and says what must be fetched before it can be applied.

use std::collections::HashMap;

use super::ids::Ids;
use postrider_domain::{EmailId, HistoryId, LabelId, MessageId, ThreadId, Timestamp, Version};
use postrider_gmail::{HistoryRecord, LabelChange, MessageRef};

/// Labels put on and taken off by one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    pub history_id: HistoryId,
    pub added: Vec<LabelId>,
    pub removed: Vec<LabelId>,
}

/// All that some records say about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub message_id: MessageId,
    pub thread_id: Option<ThreadId>,
    /// The record that added it, if one did.
    pub added: Option<HistoryId>,
    /// The newest record that names it and does not say why.
    pub named: Option<HistoryId>,
    /// The record that deleted it for good, unless a later one added it again.
    pub deleted: Option<HistoryId>,
    pub deltas: Vec<Delta>,
    /// The newest record that names it.
    pub last: HistoryId,
    /// Entries folded in: what the ledger counts.
    pub entries: i32,
}

impl Change {
    /// A change that no record caused: a parked message looked at again, a mail of a listing.
    pub fn look_at(message_id: MessageId, thread_id: Option<ThreadId>, last: HistoryId) -> Self {
        let (added, named, deleted, deltas) = (None, None, None, Vec::new());
        Self { message_id, thread_id, added, named, deleted, deltas, last, entries: 0 }
    }

    /// The records behind it.
    pub fn records(&self) -> impl Iterator<Item = HistoryId> + '_ {
        let mails = [self.added, self.named, self.deleted].into_iter().flatten();
        mails.chain(self.deltas.iter().map(|delta| delta.history_id))
    }
}

/// What the mirror knows of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub email_id: EmailId,
    pub message_id: MessageId,
    pub version: Version,
    /// The history id that its last fetch answered: every record up to there is in its labels.
    pub fetched: HistoryId,
    /// Only its tombstone is known.
    pub stub: bool,
    pub is_deleted: bool,
    pub labels: Vec<LabelId>,
    pub received_at: Timestamp,
    /// email.received or .sent was raised.
    pub announced: bool,
}

/// What must be fetched before a change can be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// Labels and version; the body is here.
    Labels,
    /// All of it.
    Mail,
}

/// One change a message, in the order in which the records first name them. Inside a record: added, labels, deleted, and
/// what it names beside them.
pub fn fold<'a>(records: impl IntoIterator<Item = &'a HistoryRecord>) -> Vec<Change> {
    let mut folded = Folded::default();
    for record in records {
        for entry in &record.added {
            folded.added(record.id, entry);
        }
        for entry in &record.labels_added {
            folded.labels(record.id, entry, true);
        }
        for entry in &record.labels_removed {
            folded.labels(record.id, entry, false);
        }
        for entry in &record.deleted {
            folded.deleted(record.id, entry);
        }
        for entry in &record.named {
            folded.named(record.id, entry);
        }
    }
    folded.changes
}

#[derive(Default)]
struct Folded {
    changes: Vec<Change>,
    places: HashMap<MessageId, usize>,
}

impl Folded {
    fn change(&mut self, record: HistoryId, message: &MessageId, thread: Option<&ThreadId>) -> Option<&mut Change> {
        let place = *self.places.entry(message.clone()).or_insert_with(|| {
            self.changes.push(Change::look_at(message.clone(), None, record));
            self.changes.len() - 1
        });
        let change = self.changes.get_mut(place)?;
        change.last = change.last.max(record);
        change.entries += 1;
        if change.thread_id.is_none() {
            change.thread_id = thread.cloned();
        }
        Some(change)
    }

    fn added(&mut self, record: HistoryId, entry: &MessageRef) {
        if let Some(change) = self.change(record, &entry.message_id, entry.thread_id.as_ref()) {
            change.added = Some(record);
            change.deleted = None;
        }
    }

    fn deleted(&mut self, record: HistoryId, entry: &MessageRef) {
        if let Some(change) = self.change(record, &entry.message_id, entry.thread_id.as_ref()) {
            change.deleted = Some(record);
        }
    }

    fn named(&mut self, record: HistoryId, entry: &MessageRef) {
        if let Some(change) = self.change(record, &entry.message_id, entry.thread_id.as_ref()) {
            change.named = Some(record);
        }
    }

    fn labels(&mut self, record: HistoryId, entry: &LabelChange, put_on: bool) {
        if let Some(change) = self.change(record, &entry.message_id, entry.thread_id.as_ref()) {
            let (added, removed) =
                if put_on { (entry.labels.clone(), Vec::new()) } else { (Vec::new(), entry.labels.clone()) };
            change.deltas.push(Delta { history_id: record, added, removed });
        }
    }
}

/// What to fetch, given what the mirror knows. `waits`: it is parked, and what its earlier records say is not known.
///
/// Nothing is needed where every record is a change of labels newer than the row, which is replayed on it, or was in the
/// answer of the last fetch. A record that comes to light behind the row's version is *late*: others were replayed over
/// it, so only a fetch tells what the labels are. A row of an older generation may have missed changes: no record is
/// applied to it before it was learnt again.
pub fn fetch(change: &Change, known: Option<&Known>, waits: bool, ids: &Ids) -> Option<Fetch> {
    let Some(known) = known else { return change.deleted.is_none().then_some(Fetch::Mail) };
    let ask = if known.stub { Fetch::Mail } else { Fetch::Labels };
    let at = known.version.history_id;
    let outdated = known.version.generation < ids.generation;
    if change.deleted.is_some_and(|deleted| known.is_deleted || !ids.take && (outdated || deleted > at)) {
        return None;
    }
    if outdated || waits || ids.take {
        return Some(ask);
    }
    if known.is_deleted {
        return (change.last > at).then_some(ask);
    }
    let is_late = change.records().any(|record| record <= at && record > known.fetched);
    let is_untold = change.added.max(change.named).is_some_and(|record| record > at);
    (is_late || is_untold).then_some(ask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> MessageRef {
        MessageRef { message_id: MessageId::parse(id).unwrap(), thread_id: None, labels: None }
    }

    fn labels(id: &str, labels: &[&str]) -> LabelChange {
        let labels = labels.iter().map(|label| LabelId::parse(*label).unwrap()).collect();
        LabelChange { message_id: MessageId::parse(id).unwrap(), thread_id: None, labels, all_labels: None }
    }

    #[test]
    fn a_record_with_several_types_folds_into_one_change_a_message() {
        let record = HistoryRecord {
            id: HistoryId(7),
            added: vec![message("a"), message("b")],
            deleted: vec![message("b")],
            labels_added: vec![labels("a", &["STARRED"])],
            labels_removed: vec![labels("c", &["UNREAD"])],
            named: vec![message("d")],
            unreadable: 0,
        };
        let changes = fold([&record]);
        assert_eq!(changes.len(), 4);
        assert_eq!(changes.iter().map(|change| change.entries).sum::<i32>(), 6);
        assert_eq!(changes[1].deleted, Some(HistoryId(7)));
        assert_eq!((changes[2].added, changes[3].named), (None, Some(HistoryId(7))));
    }
}
