//! `history.list`: records in increasing order, 404 for a start id that is too old.
//!
//! Source: <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list>.

use postrider_domain::Timestamp;

use super::{Change, ChangeKind, Mailbox, Record};
use crate::error::ApiError;
use crate::ids::MsgId;
use crate::labels::LabelIx;

/// Parameters of `history.list`.
#[derive(Debug, Clone, Default)]
pub struct HistoryQuery {
    /// Records after this id. 0 (none given) is refused.
    pub start: u64,
    /// Default 100, at most 500.
    pub max_results: Option<usize>,
    /// From the page before.
    pub page_token: Option<String>,
    /// Only records with a message that carries this label.
    pub label_id: Option<String>,
    /// `messageAdded`, `messageDeleted`, `labelAdded`, `labelRemoved`; none means all.
    pub types: Vec<String>,
}

/// A page of `history.list`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// Records, oldest first. An empty page may still have a next token.
    pub records: Vec<HistoryRecord>,
    /// Absent on the last page.
    pub next_page_token: Option<String>,
    /// The history id that this answer has reached, at the time of this page.
    pub history_id: u64,
}

/// One history record as Gmail shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRecord {
    pub id: u64,
    /// (message id, thread id) of new mail that stands in `messages` alone.
    pub bare: Vec<(MsgId, MsgId)>,
    pub messages_added: Vec<HistoryChange>,
    pub messages_deleted: Vec<HistoryChange>,
    pub labels_added: Vec<HistoryChange>,
    pub labels_removed: Vec<HistoryChange>,
}

/// A message inside a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryChange {
    pub message: MsgId,
    pub thread: MsgId,
    /// `message.labelIds`: the labels once the record was applied.
    pub message_labels: Vec<String>,
    /// `labelIds` of the change: what was put on or taken off. Empty for added and deleted messages.
    pub labels: Vec<String>,
}

/// Marks a page that must not be an empty one: it follows an empty one.
const AFTER_EMPTY: i64 = 1;

impl Mailbox {
    /// Lists history records after `start`. 404 when the id is older than what is kept; 400 for a bad token or label.
    pub fn history(&mut self, query: &HistoryQuery, now: Timestamp) -> Result<HistoryPage, ApiError> {
        self.drop_expired(now);
        if query.start == 0 {
            return Err(ApiError::invalid("Missing required parameter: startHistoryId"));
        }
        if query.start < self.oldest_start() {
            return Err(ApiError::not_found());
        }
        let label = match &query.label_id {
            None => None,
            Some(id) => Some(self.labels.find(id).ok_or_else(|| ApiError::invalid(format!("Invalid label: {id}")))?),
        };
        let (flag, start) = match &query.page_token {
            None => (0, query.start),
            Some(token) => self.position('h', token)?,
        };
        let view = self.look(now);
        let reached = self.reached(view);
        let mut page = HistoryPage { history_id: self.told(reached), ..HistoryPage::default() };
        let limit = query.max_results.unwrap_or(100).clamp(1, 500);
        if flag != AFTER_EMPTY && self.after(start).next().is_some() {
            let empty = self.dice.chance(self.quirks.empty_page);
            if empty {
                page.next_page_token = Some(self.page_token('h', AFTER_EMPTY, start));
                return Ok(page);
            }
        }
        let mut seen = self.after(start).take_while(|record| record.id <= reached).filter(|record| !view.hides(record));
        let mut previous = start;
        let mut last = start;
        for record in seen.by_ref() {
            if let Some(shown) = self.show(record, label, &query.types) {
                page.records.push(shown);
                (previous, last) = (last, record.id);
                if page.records.len() == limit {
                    break;
                }
            }
        }
        let more = seen.next().is_some();
        drop(seen);
        if more {
            let again = limit > 1 && self.dice.chance(self.quirks.repeated_record);
            page.next_page_token = Some(self.page_token('h', 0, if again { previous } else { last }));
        }
        Ok(page)
    }

    /// Every record that is kept, whoever may see it.
    pub fn true_history(&self) -> Vec<HistoryRecord> {
        self.after(0).filter_map(|record| self.show(record, None, &[])).collect()
    }

    /// Records with a greater id, in the order of ids.
    fn after(&self, start: u64) -> Box<dyn Iterator<Item = &Record> + '_> {
        if self.unsorted {
            let mut after: Vec<&Record> = self.records.iter().filter(|record| record.id > start).collect();
            after.sort_by_key(|record| record.id);
            return Box::new(after.into_iter());
        }
        let from = self.records.partition_point(|record| record.id <= start);
        Box::new(self.records.range(from..))
    }

    fn show(&self, record: &Record, label: Option<LabelIx>, types: &[String]) -> Option<HistoryRecord> {
        let all = |name: &str, pick: &dyn Fn(&ChangeKind) -> bool| -> Vec<HistoryChange> {
            let wanted = types.is_empty() || types.iter().any(|wanted| wanted == name);
            let changes = record.changes.iter().filter(|change| wanted && pick(&change.kind));
            changes.filter(|change| label.is_none_or(|label| carries(change, label))).map(|c| self.entry(c)).collect()
        };
        let added = all("messageAdded", &|kind| matches!(kind, ChangeKind::Added));
        let (bare, messages_added) = if record.bare { (added, Vec::new()) } else { (Vec::new(), added) };
        let shown = HistoryRecord {
            id: record.id,
            bare: bare.iter().map(|change| (change.message, change.thread)).collect(),
            messages_added,
            messages_deleted: all("messageDeleted", &|kind| matches!(kind, ChangeKind::Deleted)),
            labels_added: all("labelAdded", &|kind| matches!(kind, ChangeKind::LabelsAdded(_))),
            labels_removed: all("labelRemoved", &|kind| matches!(kind, ChangeKind::LabelsRemoved(_))),
        };
        let lists = [&shown.messages_added, &shown.messages_deleted, &shown.labels_added, &shown.labels_removed];
        (!shown.bare.is_empty() || lists.iter().any(|list| !list.is_empty())).then_some(shown)
    }

    fn entry(&self, change: &Change) -> HistoryChange {
        let labels = match &change.kind {
            ChangeKind::LabelsAdded(labels) | ChangeKind::LabelsRemoved(labels) => self.labels.ids(labels),
            ChangeKind::Added | ChangeKind::Deleted => Vec::new(),
        };
        HistoryChange {
            message: change.message,
            thread: change.thread,
            message_labels: self.labels.ids(&change.labels),
            labels,
        }
    }
}

fn carries(change: &Change, label: LabelIx) -> bool {
    let moved = match &change.kind {
        ChangeKind::LabelsAdded(labels) | ChangeKind::LabelsRemoved(labels) => labels.has(label),
        ChangeKind::Added | ChangeKind::Deleted => false,
    };
    moved || change.labels.has(label)
}
