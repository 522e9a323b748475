//! `changes`: our record of Gmail's history, for 30 days.

use postrider_domain::{ConnectorId, HistoryId, LabelId, MessageId, ThreadId, Timestamp};
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

row! {
    /// From where our record of a mailbox's present history is whole.
    #[derive(Debug, Clone, Copy)]
    pub struct Reach {
        /// Records behind it are known; none before the first contact.
        pub from: Option<HistoryId>,
        pub to: Option<HistoryId>,
        pub generation: i32,
    }

    /// An entry as it was told.
    #[derive(Debug, Clone)]
    pub struct Told {
        pub record: HistoryId,
        pub kind: ChangeKind,
        pub message: MessageId,
        pub thread: Option<ThreadId>,
        pub labels: Vec<LabelId>,
    }
}

/// How far our record reaches: from the boundary at which the present generation began, or, where that is older than
/// entries are kept (`forgotten`), from the oldest entry that is left.
pub async fn reach(tx: &TenantTx, connector: ConnectorId, forgotten: Timestamp) -> Result<Option<Reach>, Error> {
    sql("SELECT m.generation, m.cursor AS to, CASE WHEN g.began_at > $2 THEN g.boundary ELSE coalesce( \
           (SELECT min(history_id) FROM changes c WHERE c.tenant = m.tenant AND c.connector_id = m.connector_id \
              AND c.generation = m.generation), m.cursor) END AS from \
         FROM mailboxes m CROSS JOIN LATERAL (SELECT min(boundary) AS boundary, min(started_at) AS began_at \
           FROM sync_runs r WHERE r.tenant = m.tenant AND r.connector_id = m.connector_id \
             AND r.generation = m.generation AND r.boundary > 0) g \
         WHERE m.tenant = nullif(current_setting('postrider.tenant', true), '') AND m.connector_id = $1")
    .binds((connector, forgotten))
    .optional(tx)
    .await
}

/// Entries of the records behind `after`, of so many records at most, in order.
pub async fn list_told(
    tx: &TenantTx,
    connector: ConnectorId,
    generation: i32,
    after: HistoryId,
    records: i64,
) -> Result<Vec<Told>, Error> {
    sql("SELECT c.history_id AS record, c.kind, c.message_id AS message, nullif(c.thread_id, '') AS thread, \
            c.label_ids AS labels FROM changes c \
         JOIN (SELECT DISTINCT history_id FROM changes \
           WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = $1 AND generation = $2 \
             AND history_id > $3 AND kind IN ('added', 'deleted', 'labels_added', 'labels_removed') \
           ORDER BY history_id LIMIT $4) r ON r.history_id = c.history_id \
         WHERE c.tenant = nullif(current_setting('postrider.tenant', true), '') AND c.connector_id = $1 \
           AND c.generation = $2 AND c.kind IN ('added', 'deleted', 'labels_added', 'labels_removed') \
         ORDER BY c.history_id, c.kind, c.message_id")
    .binds((connector, generation, after, records))
    .load(tx)
    .await
}
