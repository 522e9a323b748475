//! What a reader is shown. With a visibility lag, profile, watch and pushes already carry a history id that
//! `history.list` and `messages.get` do not know yet; a stale answer is older as a whole.
//!
//! Seen in the field: <https://github.com/openclaw/gogcli/issues/379>, <https://github.com/byeokim/gmailpush/issues/10>.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::quirks::{Quirks, millis};
use super::{ChangeKind, Mailbox, Meta, OrderKey, Record};
use crate::ids::MsgId;

/// How far readers are behind, and which readers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Time between a change and its being seen. Set for changes made from now on.
    pub span: TimeDelta,
    /// What is behind.
    pub scope: LagScope,
}

/// Which answers lag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LagScope {
    /// `history.list`, and `messages.get` of a message added within the lag (404). Listings and labels are current.
    #[default]
    NewMail,
    /// `history.list`, `messages.get` and `messages.list` all show the older state, as one consistent snapshot.
    Everything,
}

/// How one answer sees the mailbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    now: Timestamp,
    /// A stale answer knows nothing of what came after.
    as_of: Option<Timestamp>,
}

impl View {
    /// Whether the answer is too old to know of the record.
    pub fn stale(&self, record: &Record) -> bool {
        self.as_of.is_some_and(|as_of| record.at > as_of)
    }

    /// Whether the record is not seen in this answer.
    pub fn hides(&self, record: &Record) -> bool {
        record.visible_at > self.now || self.stale(record)
    }
}

impl Mailbox {
    /// The view of the next answer: of this moment, or by the dice an older one.
    pub fn look(&mut self, now: Timestamp) -> View {
        let Quirks { stale, stale_ms, .. } = self.quirks;
        let age = self.odd.chance(stale).then(|| millis(self.odd.between(1, u64::from(stale_ms))));
        self.slowest = self.slowest.max(age.unwrap_or_default());
        View { now, as_of: age.map(|age| now - age) }
    }

    /// Records young enough to be hidden from anybody, oldest first.
    pub(super) fn recent(&self, now: Timestamp) -> impl DoubleEndedIterator<Item = &Record> {
        let young = self.records.iter().rev().take_while(|record| record.at + self.slowest > now).count();
        self.records.range(self.records.len() - young..)
    }

    /// Records that an answer does not show, oldest first.
    pub(super) fn pending(&self, view: View) -> impl Iterator<Item = &Record> {
        self.recent(view.now).filter(move |record| view.hides(record))
    }

    /// The history id that `history.list` has reached: the last one before the first record that is hidden in its
    /// turn. Records that are late on their own never hold it back.
    pub(super) fn reached(&self, view: View) -> u64 {
        let ahead = self.quirks.true_head;
        let first = self.pending(view).find(|record| view.stale(record) || !(ahead || record.late));
        first.map_or(self.head, |record| record.previous)
    }

    /// The history id that `getProfile` answers: the true one but for a stale answer.
    pub fn head_in(&self, view: View) -> u64 {
        let first = self.pending(view).find(|record| view.stale(record));
        self.told(first.map_or(self.head, |record| record.previous))
    }

    /// Number of messages as an answer knows it.
    pub fn len_in(&self, view: View) -> usize {
        let stale = self.pending(view).filter(|record| view.stale(record)).flat_map(|record| &record.changes);
        stale.fold(self.len(), |count, change| match change.kind {
            ChangeKind::Added => count.saturating_sub(1),
            ChangeKind::Deleted => count + 1,
            ChangeKind::LabelsAdded(_) | ChangeKind::LabelsRemoved(_) => count,
        })
    }

    /// How many records nobody is shown yet.
    pub fn hidden(&self, now: Timestamp) -> usize {
        self.pending(View { now, as_of: None }).count()
    }

    /// The message as `messages.get` shows it; `None` is a 404.
    pub fn visible(&self, id: MsgId, view: View) -> Option<Cow<'_, Meta>> {
        for record in self.pending(view) {
            let Some(change) = record.changes.iter().find(|change| change.message == id) else { continue };
            if self.lag.scope == LagScope::Everything || view.stale(record) {
                return change.before.clone().map(Cow::Owned);
            }
            if change.kind == ChangeKind::Added {
                return None;
            }
        }
        self.messages.get(&id).map(Cow::Borrowed)
    }

    /// For a listing: the messages whose shown state differs from the true one. Empty unless the whole view is older.
    pub(super) fn overlay(&self, view: View) -> BTreeMap<MsgId, Option<Meta>> {
        let mut older = BTreeMap::new();
        let whole = self.lag.scope == LagScope::Everything;
        for record in self.pending(view).filter(|record| whole || view.stale(record)) {
            for change in &record.changes {
                older.entry(change.message).or_insert_with(|| change.before.clone());
            }
        }
        older
    }

    /// Position of a message in a listing.
    pub(super) fn order_key(id: MsgId, meta: &Meta) -> OrderKey {
        (Reverse(meta.internal_date), Reverse(id))
    }
}
