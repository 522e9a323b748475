//! Changes to a mailbox. Each call that changes something makes exactly one history record.

use postrider_domain::Timestamp;

use super::quirks::millis;
use super::{Change, ChangeKind, Mailbox, Meta, Record};
use crate::ids::MsgId;
use crate::labels::LabelSet;

/// One wanted change.
#[derive(Debug)]
pub(crate) enum Edit {
    /// A new message; its `history_id` is set by the record.
    Add(MsgId, Meta),
    /// Permanent deletion.
    Remove(MsgId),
    /// Labels put on and taken off in one go.
    Relabel { id: MsgId, add: LabelSet, remove: LabelSet },
}

impl Mailbox {
    /// Applies all edits as one record. `None` if nothing changed: then no history id is used either.
    pub fn commit(&mut self, now: Timestamp, edits: Vec<Edit>) -> Option<LabelSet> {
        let id = self.head + self.gap();
        let changes: Vec<Change> = edits.into_iter().flat_map(|edit| self.apply(id, edit)).collect();
        if changes.is_empty() {
            return None;
        }
        let touched = changes.iter().flat_map(|change| {
            let moved = match &change.kind {
                ChangeKind::LabelsRemoved(labels) => Some(labels),
                _ => None,
            };
            change.labels.iter().chain(moved.into_iter().flat_map(LabelSet::iter)).collect::<Vec<_>>()
        });
        let touched = touched.collect();
        self.record(now, id, changes);
        self.drop_expired(now);
        if self.back.is_none() && self.odd.chance(self.quirks.ids_back) {
            self.go_back(now, millis(u64::from(self.quirks.ids_back_ms)), false);
        }
        Some(touched)
    }

    fn record(&mut self, now: Timestamp, id: u64, changes: Vec<Change>) {
        let late = self.odd.chance(self.quirks.late_record);
        let own = if late { self.odd.between(1, u64::from(self.quirks.late_ms)) } else { 0 };
        let visible_at = now + self.lag.span + millis(own);
        self.slowest = self.slowest.max(visible_at - now);
        if !late {
            // A shorter lag brings to light what a longer one still hides: in step, records are seen in order.
            let hidden = self.records.iter_mut().rev().take_while(|old| old.late || old.visible_at > visible_at);
            hidden.filter(|old| !old.late).for_each(|old| old.visible_at = visible_at);
        }
        let adds = changes.iter().any(|change| change.kind == ChangeKind::Added);
        let bare = adds && self.odd.chance(self.quirks.bare_added);
        self.records.push_back(Record { id, previous: self.head, at: now, visible_at, late, bare, changes });
        self.head = id;
    }

    /// Moves the history id with no record behind it, as Gmail does for changes it does not report.
    pub fn bump_history(&mut self) {
        self.head += self.gap();
    }

    /// Forgets all but the newest `keep` records: start ids before them answer 404.
    pub fn expire_history(&mut self, keep: usize) {
        while self.records.len() > keep {
            self.drop_oldest();
        }
        if keep == 0 {
            self.floor = self.head;
        }
    }

    pub(super) fn drop_expired(&mut self, now: Timestamp) {
        while self.records.front().is_some_and(|record| now - record.at > self.retention) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(record) = self.records.pop_front() {
            // An id from before the ids went back says nothing about those that came after.
            if record.id <= self.head {
                self.floor = record.id;
            }
        }
    }

    /// Gmail's ids rise with gaps that say nothing about the work in between.
    fn gap(&mut self) -> u64 {
        if self.dice.chance(0.05) { self.dice.between(100, 2_000) } else { self.dice.between(1, 40) }
    }

    fn apply(&mut self, record: u64, edit: Edit) -> Vec<Change> {
        match edit {
            Edit::Add(id, mut meta) => {
                meta.history_id = record;
                let (thread, labels) = (meta.thread, meta.labels.clone());
                self.put(id, meta);
                vec![Change { message: id, thread, kind: ChangeKind::Added, labels, before: None }]
            }
            Edit::Remove(id) => self
                .take(id)
                .map(|meta| Change {
                    message: id,
                    thread: meta.thread,
                    kind: ChangeKind::Deleted,
                    labels: meta.labels.clone(),
                    before: Some(meta),
                })
                .into_iter()
                .collect(),
            Edit::Relabel { id, add, remove } => self.relabel(record, id, &add, &remove),
        }
    }

    fn relabel(&mut self, record: u64, id: MsgId, add: &LabelSet, remove: &LabelSet) -> Vec<Change> {
        let Some(meta) = self.messages.get_mut(&id) else { return Vec::new() };
        let before = meta.clone();
        let removed: LabelSet = remove.iter().filter(|label| !add.has(*label) && meta.labels.remove(*label)).collect();
        let added: LabelSet = add.iter().filter(|label| meta.labels.insert(*label)).collect();
        let kinds = [
            (!added.is_empty()).then_some(ChangeKind::LabelsAdded(added)),
            (!removed.is_empty()).then_some(ChangeKind::LabelsRemoved(removed)),
        ];
        let changes: Vec<Change> = kinds
            .into_iter()
            .flatten()
            .map(|kind| Change {
                message: id,
                thread: meta.thread,
                kind,
                labels: meta.labels.clone(),
                before: Some(before.clone()),
            })
            .collect();
        if !changes.is_empty() {
            meta.history_id = record;
        }
        changes
    }
}
