//! What a reader is shown. With a visibility lag, profile, watch and pushes already carry a history id that
//! `history.list` and `messages.get` do not know yet.
//!
//! Seen in the field: <https://github.com/openclaw/gogcli/issues/379>, <https://github.com/byeokim/gmailpush/issues/10>.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::TimeDelta;
use postrider_domain::Timestamp;

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

impl Mailbox {
    /// Records not shown yet, oldest first. Once one is hidden, all later ones are.
    pub(super) fn pending(&self, now: Timestamp) -> impl DoubleEndedIterator<Item = &Record> {
        let hidden = self.records.iter().rev().take_while(|record| record.visible_at > now).count();
        self.records.range(self.records.len() - hidden..)
    }

    /// The history id that `history.list` has reached.
    pub fn visible_head(&self, now: Timestamp) -> u64 {
        self.pending(now).next().map_or(self.head, |record| record.previous)
    }

    /// The message as `messages.get` shows it; `None` is a 404.
    pub fn visible(&self, id: MsgId, now: Timestamp) -> Option<Cow<'_, Meta>> {
        let mut steps = self.pending(now).flat_map(|record| &record.changes).filter(|change| change.message == id);
        match self.lag.scope {
            LagScope::NewMail if steps.any(|change| change.kind == ChangeKind::Added) => None,
            LagScope::NewMail => self.messages.get(&id).map(Cow::Borrowed),
            LagScope::Everything => match steps.next() {
                Some(first) => first.before.clone().map(Cow::Owned),
                None => self.messages.get(&id).map(Cow::Borrowed),
            },
        }
    }

    /// For a listing: the messages whose shown state differs from the true one. Empty unless the whole view lags.
    pub(super) fn overlay(&self, now: Timestamp) -> BTreeMap<MsgId, Option<Meta>> {
        let mut older = BTreeMap::new();
        if self.lag.scope == LagScope::Everything {
            for change in self.pending(now).flat_map(|record| &record.changes) {
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
