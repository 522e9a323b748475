//! `changes`: our record of Gmail's history, for 30 days.

use postrider_domain::{HistoryId, LabelId, MessageId, ThreadId, Timestamp, words};
use postrider_gmail::{HistoryRecord, LabelChange, MessageRef};
use postrider_storage::{Error, SystemTx, TenantTx, sql};

use super::mailboxes::Guard;

words! {
    /// What an entry of a history record says.
    pub enum ChangeKind {
        Added = "added",
        Deleted = "deleted",
        LabelsAdded = "labels_added",
        LabelsRemoved = "labels_removed",
    }
}

struct Entry<'a> {
    history_id: HistoryId,
    ordinal: i32,
    kind: ChangeKind,
    message: &'a MessageId,
    thread: Option<&'a ThreadId>,
    labels: &'a [LabelId],
}

/// Writes what records say, entry by entry.
pub async fn insert(tx: &TenantTx, guard: &Guard, records: &[HistoryRecord], now: Timestamp) -> Result<(), Error> {
    let entries: Vec<Entry<'_>> = records.iter().flat_map(entries).collect();
    if entries.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO changes (tenant, connector_id, generation, created_at, history_id, ordinal, kind, message_id, \
            thread_id, label_ids) \
         SELECT $1, $2, $3, $4, n.history_id, n.ordinal, n.kind, n.message_id, coalesce(n.thread_id, ''), \
            string_to_array(n.labels, E'\\n') \
         FROM {n: history_id bigint, ordinal int, kind text, message_id text, thread_id text, labels text} \
         ON CONFLICT DO NOTHING")
    .binds((&guard.tenant, guard.connector, guard.generation, now))
    .column("history_id", entries.iter().map(|entry| entry.history_id))
    .column("ordinal", entries.iter().map(|entry| entry.ordinal))
    .column("kind", entries.iter().map(|entry| entry.kind))
    .column("message_id", entries.iter().map(|entry| entry.message))
    .column("thread_id", entries.iter().map(|entry| entry.thread))
    .column("labels", entries.iter().map(|entry| super::joined(entry.labels)))
    .execute(tx)
    .await?;
    Ok(())
}

fn entries(record: &HistoryRecord) -> Vec<Entry<'_>> {
    let mail = |kind, entry| (kind, entry);
    let mails = (record.added.iter().map(|entry| mail(ChangeKind::Added, entry)))
        .chain(record.deleted.iter().map(|entry| mail(ChangeKind::Deleted, entry)))
        .map(|(kind, entry): (_, &MessageRef)| (kind, &entry.message_id, entry.thread_id.as_ref(), &[] as &[LabelId]));
    let label = |kind, entry| (kind, entry);
    let labels = (record.labels_added.iter().map(|entry| label(ChangeKind::LabelsAdded, entry)))
        .chain(record.labels_removed.iter().map(|entry| label(ChangeKind::LabelsRemoved, entry)))
        .map(|(kind, entry): (_, &LabelChange)| {
            (kind, &entry.message_id, entry.thread_id.as_ref(), entry.labels.as_slice())
        });
    (0_i32..)
        .zip(mails.chain(labels))
        .map(|(ordinal, (kind, message, thread, labels))| Entry {
            history_id: record.id,
            ordinal,
            kind,
            message,
            thread,
            labels,
        })
        .collect()
}

/// Removes entries from before an instant, some at a time. Returns how many went.
pub async fn forget(tx: &mut SystemTx, before: Timestamp, limit: usize) -> Result<usize, Error> {
    sql("DELETE FROM changes WHERE ctid = ANY (ARRAY( \
           SELECT ctid FROM changes WHERE created_at < $1 ORDER BY created_at LIMIT $2))")
    .binds((before, super::count(limit)))
    .execute(tx)
    .await
}
