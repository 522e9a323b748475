//! Our record of Gmail's history, for 30 days.

use postrider_domain::{HistoryId, LabelId, MessageId, ThreadId, Timestamp};
use postrider_gmail::{HistoryRecord, LabelChange, MessageRef};
use postrider_storage::types::{Array, BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, Tx, sql};

use super::mailboxes::Guard;

struct Entry<'a> {
    history_id: HistoryId,
    ordinal: i32,
    kind: &'static str,
    message: &'a MessageId,
    thread: Option<&'a ThreadId>,
    labels: &'a [LabelId],
}

/// Writes what records say, entry by entry.
pub async fn insert(tx: &Tx, guard: &Guard, records: &[HistoryRecord], now: Timestamp) -> Result<(), Error> {
    let entries: Vec<Entry<'_>> = records.iter().flat_map(entries).collect();
    if entries.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO changes (tenant, connector_id, generation, created_at, history_id, ordinal, kind, message_id, \
            thread_id, label_ids) \
         SELECT $1, $2, $3, $4, n.history_id, n.ordinal, n.kind, n.message_id, n.thread_id, \
            string_to_array(n.labels, E'\\n') \
         FROM unnest($5::bigint[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[]) \
          AS n(history_id, ordinal, kind, message_id, thread_id, labels) ON CONFLICT DO NOTHING")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Integer, _>(guard.generation)
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Array<BigInt>, _>(entries.iter().map(|entry| entry.history_id.as_i64()).collect::<Vec<_>>())
    .bind_as::<Array<Integer>, _>(entries.iter().map(|entry| entry.ordinal).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(entries.iter().map(|entry| entry.kind).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(entries.iter().map(|entry| entry.message.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(
        entries.iter().map(|entry| entry.thread.map_or("", ThreadId::as_str)).collect::<Vec<_>>(),
    )
    .bind_as::<Array<Text>, _>(entries.iter().map(|entry| super::joined(entry.labels)).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

fn entries(record: &HistoryRecord) -> Vec<Entry<'_>> {
    let mail = |kind, entry| (kind, entry);
    let mails = (record.added.iter().map(|entry| mail("added", entry)))
        .chain(record.deleted.iter().map(|entry| mail("deleted", entry)))
        .map(|(kind, entry): (_, &MessageRef)| (kind, &entry.message_id, entry.thread_id.as_ref(), &[] as &[LabelId]));
    let label = |kind, entry| (kind, entry);
    let labels = (record.labels_added.iter().map(|entry| label("labels_added", entry)))
        .chain(record.labels_removed.iter().map(|entry| label("labels_removed", entry)))
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
