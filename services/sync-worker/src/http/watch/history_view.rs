//! History as the API writes it.

use postrider_domain::{LabelId, MessageId, ThreadId};
use postrider_gmail::{HistoryRecord, LabelChange, MessageRef};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rules::unseen::ChangeKind;
use crate::store::changes::Told;

/// A page of history.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// Oldest first.
    pub history: Vec<Record>,
    /// The greatest id known, decimal text.
    pub history_id: String,
    pub next_page_token: Option<String>,
}

/// What one record says.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = HistoryRecord)]
pub struct Record {
    /// Decimal text.
    pub id: String,
    pub messages_added: Vec<NamedMessage>,
    pub messages_deleted: Vec<NamedMessage>,
    pub labels_added: Vec<LabelledMessage>,
    pub labels_removed: Vec<LabelledMessage>,
    #[serde(skip)]
    pub number: u64,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedMessage {
    pub message_id: String,
    pub thread_id: Option<String>,
}

/// A message, and the labels that were put on or taken off.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelledMessage {
    pub message_id: String,
    pub thread_id: Option<String>,
    pub label_ids: Vec<String>,
}

fn named(message: MessageId, thread: Option<ThreadId>) -> NamedMessage {
    NamedMessage { message_id: message.into_string(), thread_id: thread.map(ThreadId::into_string) }
}

fn labelled(message: MessageId, thread: Option<ThreadId>, labels: Vec<LabelId>) -> LabelledMessage {
    let NamedMessage { message_id, thread_id } = named(message, thread);
    LabelledMessage { message_id, thread_id, label_ids: labels.into_iter().map(LabelId::into_string).collect() }
}

/// Entries, record by record; they come in order.
pub fn of_ours(told: Vec<Told>) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for entry in told {
        if records.last().is_none_or(|record| record.number != entry.record.0) {
            records.push(Record { id: entry.record.to_string(), number: entry.record.0, ..Record::default() });
        }
        let Some(record) = records.last_mut() else { continue };
        let Told { kind, message, thread, labels, .. } = entry;
        match kind {
            ChangeKind::Added => record.messages_added.push(named(message, thread)),
            ChangeKind::Deleted => record.messages_deleted.push(named(message, thread)),
            ChangeKind::LabelsAdded => record.labels_added.push(labelled(message, thread, labels)),
            ChangeKind::LabelsRemoved => record.labels_removed.push(labelled(message, thread, labels)),
            ChangeKind::Named | ChangeKind::Unreadable => {}
        }
    }
    records
}

/// A record as Gmail tells it.
pub fn of_gmail(record: HistoryRecord) -> Record {
    let messages = |all: Vec<MessageRef>| all.into_iter().map(|mail| named(mail.message_id, mail.thread_id)).collect();
    let changes = |all: Vec<LabelChange>| {
        all.into_iter().map(|change| labelled(change.message_id, change.thread_id, change.labels)).collect()
    };
    Record {
        id: record.id.to_string(),
        number: record.id.0,
        messages_added: messages(record.added),
        messages_deleted: messages(record.deleted),
        labels_added: changes(record.labels_added),
        labels_removed: changes(record.labels_removed),
    }
}
