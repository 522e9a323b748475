//! `parked_changes`: messages whose records wait, kept with their error and looked at again on schedule.

use postrider_domain::{ConnectorId, HistoryId, MessageId, TenantId, ThreadId, Timestamp};
use postrider_storage::types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz};
use postrider_storage::{Error, NamedRow, Pg, QueryableByName, RowResult, TenantTx, Value, row, sql};

use super::mailboxes::Guard;
use crate::rules::park::{Parked, Reason};

row! {
    /// A parked message as the API shows it.
    #[derive(Debug, Clone)]
    pub struct Shown {
        pub message_id: MessageId,
        pub thread_id: Option<ThreadId>,
        pub history_id: HistoryId,
        pub reason: Reason,
        pub changes: i32,
        pub attempts: i32,
        pub next_attempt_at: Option<Timestamp>,
        pub last_error: String,
        pub created_at: Timestamp,
    }
}

/// What is parked in a mailbox, by message, behind the one that came last.
pub async fn list(
    tx: &TenantTx,
    connector: ConnectorId,
    after: Option<&MessageId>,
    limit: i64,
) -> Result<Vec<Shown>, Error> {
    sql("SELECT message_id, nullif(thread_id, '') AS thread_id, history_id, reason, changes, attempts, next_attempt_at, \
            last_error, created_at FROM parked_changes \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = $1 \
           AND ($2::text IS NULL OR message_id > $2) ORDER BY message_id LIMIT $3")
    .binds((connector, after, limit))
    .load(tx)
    .await
}

/// All that is parked in a mailbox, or one message, is to be looked at now. Returns how many there are. Who asks holds the
/// mailbox's lock: a look under way must not write over it.
pub async fn retry_now(
    tx: &TenantTx,
    connector: ConnectorId,
    message: Option<&MessageId>,
    now: Timestamp,
) -> Result<usize, Error> {
    // Entries that named no message have nothing to be looked at.
    sql("UPDATE parked_changes SET next_attempt_at = $3, updated_at = $3 \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = $1 \
           AND ($2::text IS NULL OR message_id = $2) AND message_id NOT LIKE 'unreadable.%'")
    .binds((connector, message, now))
    .execute(tx)
    .await
}

/// Columns of [`Parked`].
macro_rules! parked_columns {
    () => {
        "message_id, nullif(thread_id, '') AS thread_id, history_id, reason, live, changes, attempts, next_attempt_at, \
         last_error"
    };
}

impl QueryableByName<Pg> for Parked {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> RowResult<Self> {
        Ok(Self {
            message_id: NamedRow::get::<Text, _>(row, "message_id")?,
            thread_id: NamedRow::get::<Nullable<Text>, _>(row, "thread_id")?,
            history_id: NamedRow::get::<BigInt, _>(row, "history_id")?,
            reason: NamedRow::get::<Text, _>(row, "reason")?,
            live: NamedRow::get::<Bool, _>(row, "live")?,
            changes: NamedRow::get::<Integer, _>(row, "changes")?,
            attempts: NamedRow::get::<Integer, _>(row, "attempts")?,
            next_attempt_at: NamedRow::get::<Nullable<Timestamptz>, _>(row, "next_attempt_at")?,
            last_error: NamedRow::get::<Text, _>(row, "last_error")?,
        })
    }
}

/// The parked ones among these messages.
pub async fn list_among(
    tx: &TenantTx,
    tenant: &TenantId,
    connector: ConnectorId,
    messages: &[MessageId],
) -> Result<Vec<Parked>, Error> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    sql(concat!(
        "SELECT ",
        parked_columns!(),
        " FROM parked_changes WHERE tenant = $1 AND connector_id = $2 AND message_id = ANY ($3)"
    ))
    .binds((tenant, connector, messages))
    .load(tx)
    .await
}

/// Parked messages, some at most.
pub async fn list_ids(tx: &TenantTx, guard: &Guard, limit: usize) -> Result<Vec<MessageId>, Error> {
    let ids = sql("SELECT message_id AS value FROM parked_changes WHERE tenant = $1 AND connector_id = $2 \
           AND next_attempt_at IS NOT NULL LIMIT $3")
    .binds((&guard.tenant, guard.connector, super::count(limit)))
    .load::<Value<MessageId>>(tx)
    .await?;
    Ok(ids.into_iter().map(|row| row.0).collect())
}

/// Parked messages whose next look is due.
pub async fn list_due(tx: &mut TenantTx, guard: &Guard, now: Timestamp, limit: usize) -> Result<Vec<Parked>, Error> {
    sql(concat!(
        "SELECT ",
        parked_columns!(),
        " FROM parked_changes WHERE tenant = $1 AND connector_id = $2 AND next_attempt_at <= $3 \
         ORDER BY next_attempt_at LIMIT $4"
    ))
    .binds((&guard.tenant, guard.connector, now, super::count(limit)))
    .load(tx)
    .await
}

/// Parks messages, or writes what another failed look taught.
pub async fn put(tx: &mut TenantTx, guard: &Guard, parked: &[Parked], now: Timestamp) -> Result<(), Error> {
    if parked.is_empty() {
        return Ok(());
    }
    let rows = || parked.iter();
    sql(
        "INSERT INTO parked_changes (tenant, connector_id, generation, created_at, updated_at, message_id, thread_id, \
            history_id, reason, live, changes, attempts, next_attempt_at, last_error) \
         SELECT $1, $2, $3, $4, $4, n.message_id, coalesce(n.thread_id, ''), n.history_id, n.reason, n.live, n.changes, \
            n.attempts, n.next_attempt_at, n.last_error \
         FROM {n: message_id text, thread_id text, history_id bigint, reason text, live bool, changes int, attempts int, \
            next_attempt_at timestamptz, last_error text} \
         ON CONFLICT (tenant, connector_id, message_id) DO UPDATE SET generation = excluded.generation, \
            history_id = excluded.history_id, reason = excluded.reason, live = excluded.live, \
            changes = excluded.changes, attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at, \
            last_error = excluded.last_error, updated_at = excluded.updated_at",
    )
    .binds((&guard.tenant, guard.connector, guard.generation, now))
    .column("message_id", rows().map(|row| &row.message_id))
    .column("thread_id", rows().map(|row| row.thread_id.as_ref()))
    .column("history_id", rows().map(|row| row.history_id))
    .column("reason", rows().map(|row| row.reason))
    .column("live", rows().map(|row| row.live))
    .column("changes", rows().map(|row| row.changes))
    .column("attempts", rows().map(|row| row.attempts))
    .column("next_attempt_at", rows().map(|row| row.next_attempt_at))
    .column("last_error", rows().map(|row| &row.last_error))
    .execute(tx)
    .await?;
    Ok(())
}

/// Messages that are due are looked at then.
pub async fn postpone(tx: &TenantTx, guard: &Guard, now: Timestamp, to: Timestamp) -> Result<(), Error> {
    sql("UPDATE parked_changes SET next_attempt_at = $4, updated_at = $3 \
         WHERE tenant = $1 AND connector_id = $2 AND next_attempt_at <= $3")
    .binds((&guard.tenant, guard.connector, now, to))
    .execute(tx)
    .await?;
    Ok(())
}

row! {
    /// What a comparison of listings with the mirror means for entries that named no message.
    #[derive(Debug, Clone, Copy)]
    pub struct Unreadable {
        /// Entries of the ledger that wait no more: whatever they told is in the mirror.
        pub settled: i64,
        /// Some came later, and wait for the next comparison.
        pub newer: bool,
    }
}

/// Listings were compared with the mirror: entries that named no message, parked up to `before`, are done with.
pub async fn settle_unreadable(tx: &TenantTx, guard: &Guard, before: Timestamp) -> Result<Unreadable, Error> {
    sql("WITH gone AS (DELETE FROM parked_changes WHERE tenant = $1 AND connector_id = $2 AND next_attempt_at IS NULL \
           AND message_id LIKE 'unreadable.%' AND created_at <= $3 RETURNING changes) \
         SELECT (SELECT coalesce(sum(changes), 0)::bigint FROM gone) AS settled, \
           EXISTS (SELECT FROM parked_changes WHERE tenant = $1 AND connector_id = $2 AND next_attempt_at IS NULL \
             AND message_id LIKE 'unreadable.%' AND created_at > $3) AS newer")
    .binds((&guard.tenant, guard.connector, before))
    .get_result(tx)
    .await
}

/// Ends the parking of messages that were applied or tombstoned.
pub async fn remove(tx: &mut TenantTx, guard: &Guard, messages: &[MessageId]) -> Result<(), Error> {
    if messages.is_empty() {
        return Ok(());
    }
    sql("DELETE FROM parked_changes WHERE tenant = $1 AND connector_id = $2 AND message_id = ANY ($3)")
        .binds((&guard.tenant, guard.connector, messages))
        .execute(tx)
        .await?;
    Ok(())
}
