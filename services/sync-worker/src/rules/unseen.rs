//! Which entries of a history were met before. Looks overlap on purpose, so an entry is known by what it says: its
//! record, its kind and its message.

use std::collections::HashSet;

use postrider_domain::{HistoryId, LabelId, MessageId, ThreadId, words};
use postrider_gmail::{HistoryRecord, LabelChange, MessageRef};

words! {
    /// What an entry of a history record says.
    pub enum ChangeKind {
        Added = "added",
        Deleted = "deleted",
        LabelsAdded = "labels_added",
        LabelsRemoved = "labels_removed",
        /// Named by the record, which does not say why.
        Named = "named",
        /// It named no message; all such of a record are one entry.
        Unreadable = "unreadable",
    }
}

/// Begins the names we give to messages of entries that named none; they are never asked for.
pub const UNREADABLE: &str = "unreadable.";

/// The name for the entries of a record that name no message.
pub fn unreadable(record: HistoryId) -> Option<MessageId> {
    MessageId::parse(format!("{UNREADABLE}{record}")).ok()
}

/// An entry of a record.
#[derive(Debug, Clone)]
pub struct Entry {
    pub record: HistoryId,
    pub kind: ChangeKind,
    pub message: MessageId,
    pub thread: Option<ThreadId>,
    pub labels: Vec<LabelId>,
}

/// The entries of a record.
pub fn entries(record: &HistoryRecord) -> impl Iterator<Item = Entry> + '_ {
    let mail = |kind| {
        move |mail: &MessageRef| Entry {
            record: record.id,
            kind,
            message: mail.message_id.clone(),
            thread: mail.thread_id.clone(),
            labels: Vec::new(),
        }
    };
    let labels = |kind| {
        move |change: &LabelChange| Entry {
            record: record.id,
            kind,
            message: change.message_id.clone(),
            thread: change.thread_id.clone(),
            labels: change.labels.clone(),
        }
    };
    let nameless = unreadable(record.id).filter(|_| record.unreadable > 0).map(|message| Entry {
        record: record.id,
        kind: ChangeKind::Unreadable,
        message,
        thread: None,
        labels: Vec::new(),
    });
    (record.added.iter().map(mail(ChangeKind::Added)))
        .chain(record.labels_added.iter().map(labels(ChangeKind::LabelsAdded)))
        .chain(record.labels_removed.iter().map(labels(ChangeKind::LabelsRemoved)))
        .chain(record.deleted.iter().map(mail(ChangeKind::Deleted)))
        .chain(record.named.iter().map(mail(ChangeKind::Named)))
        .chain(nameless)
}

/// Entries that were met.
#[derive(Debug, Default)]
pub struct Seen(HashSet<(HistoryId, ChangeKind, MessageId)>);

impl Seen {
    pub fn add(&mut self, record: HistoryId, kind: ChangeKind, message: MessageId) {
        self.0.insert((record, kind, message));
    }

    /// Adds all entries of records.
    pub fn add_all(&mut self, records: &[HistoryRecord]) {
        records.iter().flat_map(entries).for_each(|entry| self.add(entry.record, entry.kind, entry.message));
    }

    fn met(&self, record: HistoryId, kind: ChangeKind, message: &MessageId) -> bool {
        self.0.contains(&(record, kind, message.clone()))
    }

    /// What is left of records without the entries that were met, and without repeats inside a record; records of which
    /// nothing is left are gone.
    pub fn unseen(&self, records: Vec<HistoryRecord>) -> Vec<HistoryRecord> {
        let left = records.into_iter().map(|record| {
            let id = record.id;
            let mails = |kind, mails: Vec<MessageRef>| -> Vec<MessageRef> {
                let mut names = HashSet::new();
                let fresh =
                    |mail: &MessageRef| !self.met(id, kind, &mail.message_id) && names.insert(mail.message_id.clone());
                mails.into_iter().filter(fresh).collect()
            };
            let labels = |kind, changes: Vec<LabelChange>| -> Vec<LabelChange> {
                let mut merged: Vec<LabelChange> = Vec::new();
                for change in changes {
                    if self.met(id, kind, &change.message_id) {
                        continue;
                    }
                    match merged.iter_mut().find(|other| other.message_id == change.message_id) {
                        Some(other) => other.labels.extend(change.labels),
                        None => merged.push(change),
                    }
                }
                merged
            };
            let nameless = unreadable(id).filter(|name| !self.met(id, ChangeKind::Unreadable, name));
            HistoryRecord {
                id,
                added: mails(ChangeKind::Added, record.added),
                deleted: mails(ChangeKind::Deleted, record.deleted),
                labels_added: labels(ChangeKind::LabelsAdded, record.labels_added),
                labels_removed: labels(ChangeKind::LabelsRemoved, record.labels_removed),
                named: mails(ChangeKind::Named, record.named),
                unreadable: nameless.map_or(0, |_| record.unreadable.min(1)),
            }
        });
        left.filter(|record| record.entries() > 0 || record.unreadable > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_comes_to_light_inside_a_known_record_is_left_alone() {
        let mail = |id: &str| MessageRef { message_id: MessageId::parse(id).unwrap(), thread_id: None, labels: None };
        let old = HistoryRecord { id: HistoryId(7), added: vec![mail("a")], unreadable: 2, ..HistoryRecord::default() };
        let mut seen = Seen::default();
        seen.add_all(std::slice::from_ref(&old));
        assert!(seen.unseen(vec![old.clone()]).is_empty());
        let more = HistoryRecord { added: vec![mail("a"), mail("b"), mail("b")], named: vec![mail("a")], ..old };
        let left = seen.unseen(vec![more]);
        assert_eq!(left[0].added.iter().map(|mail| mail.message_id.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!((left[0].named.len(), left[0].unreadable), (1, 0));
        assert_eq!(entries(&left[0]).count(), 2);
    }
}
