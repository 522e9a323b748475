//! `changes`: our record of Gmail's history, for 30 days.

use postrider_domain::{HistoryId, MessageId, Timestamp};
use postrider_gmail::HistoryRecord;
use postrider_storage::{Error, SystemTx, TenantTx, row, sql};

use super::mailboxes::Guard;
use crate::rules::unseen::{ChangeKind, Entry, entries};

/// Writes what records say, entry by entry.
pub async fn insert(tx: &TenantTx, guard: &Guard, records: &[HistoryRecord], now: Timestamp) -> Result<(), Error> {
    let entries: Vec<Entry> = records.iter().flat_map(entries).collect();
    if entries.is_empty() {
        return Ok(());
    }
    sql("INSERT INTO changes (tenant, connector_id, generation, created_at, history_id, kind, message_id, thread_id, \
            label_ids) \
         SELECT $1, $2, $3, $4, n.history_id, n.kind, n.message_id, coalesce(n.thread_id, ''), \
            string_to_array(n.labels, E'\\n') \
         FROM {n: history_id bigint, kind text, message_id text, thread_id text, labels text} \
         ON CONFLICT DO NOTHING")
    .binds((&guard.tenant, guard.connector, guard.generation, now))
    .column("history_id", entries.iter().map(|entry| entry.record))
    .column("kind", entries.iter().map(|entry| entry.kind))
    .column("message_id", entries.iter().map(|entry| &entry.message))
    .column("thread_id", entries.iter().map(|entry| entry.thread.as_ref()))
    .column("labels", entries.iter().map(|entry| super::joined(&entry.labels)))
    .execute(tx)
    .await?;
    Ok(())
}

row! {
    /// An entry that was met.
    pub struct Met {
        pub record: HistoryId,
        pub kind: ChangeKind,
        pub message: MessageId,
    }
}

/// Entries beyond the place where looks start, some at most.
pub async fn list_unsettled(tx: &TenantTx, guard: &Guard, limit: usize) -> Result<Vec<Met>, Error> {
    sql("SELECT history_id AS record, kind, message_id AS message FROM changes \
         WHERE tenant = $1 AND connector_id = $2 AND generation = $3 AND history_id > coalesce( \
           (SELECT least(settled, back_head, gone_head) FROM mailboxes WHERE connector_id = $2), 0) \
         ORDER BY history_id LIMIT $4")
    .binds((&guard.tenant, guard.connector, guard.generation, super::count(limit)))
    .load(tx)
    .await
}

/// Entries of the records from `first` to `last`.
pub async fn list_between(tx: &TenantTx, guard: &Guard, first: HistoryId, last: HistoryId) -> Result<Vec<Met>, Error> {
    sql("SELECT history_id AS record, kind, message_id AS message FROM changes \
         WHERE tenant = $1 AND connector_id = $2 AND generation = $3 AND history_id BETWEEN $4 AND $5")
    .binds((&guard.tenant, guard.connector, guard.generation, first, last))
    .load(tx)
    .await
}

/// Removes entries from before an instant, some at a time. Returns how many went.
pub async fn forget(tx: &mut SystemTx, before: Timestamp, limit: usize) -> Result<usize, Error> {
    sql("DELETE FROM changes WHERE ctid = ANY (ARRAY( \
           SELECT ctid FROM changes WHERE created_at < $1 ORDER BY created_at LIMIT $2))")
    .binds((before, super::count(limit)))
    .execute(tx)
    .await
}
