//! Messages whose records wait: kept with their error, looked at again on schedule.

use postrider_domain::{ConnectorId, HistoryId, MessageId, TenantId, ThreadId, Timestamp};
use postrider_storage::types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};

use super::mailboxes::Guard;
use crate::rules::park::Reason;

/// A parked message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub message_id: MessageId,
    pub thread_id: Option<ThreadId>,
    pub history_id: HistoryId,
    pub reason: Reason,
    /// A record added it: announce it once it is there.
    pub live: bool,
    /// Entries of the ledger that wait here.
    pub changes: i32,
    pub attempts: i32,
    pub next_attempt_at: Option<Timestamp>,
    pub last_error: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    message_id: String,
    #[diesel(sql_type = Text)]
    thread_id: String,
    #[diesel(sql_type = BigInt)]
    history_id: i64,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Bool)]
    live: bool,
    #[diesel(sql_type = Integer)]
    changes: i32,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    next_attempt_at: Option<Timestamp>,
    #[diesel(sql_type = Text)]
    last_error: String,
}

impl TryFrom<Row> for Parked {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            message_id: super::message_id(row.message_id)?,
            thread_id: ThreadId::parse(row.thread_id).ok(),
            history_id: HistoryId::from_i64(row.history_id),
            reason: Reason::parse(&row.reason),
            live: row.live,
            changes: row.changes,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            last_error: row.last_error,
        })
    }
}

/// The parked ones among these messages.
pub async fn list_among(
    tx: &Tx,
    tenant: &TenantId,
    connector: ConnectorId,
    messages: &[MessageId],
) -> Result<Vec<Parked>, Error> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    sql("SELECT message_id, thread_id, history_id, reason, live, changes, attempts, next_attempt_at, last_error \
         FROM parked_changes WHERE tenant = $1 AND connector_id = $2 AND message_id = ANY ($3)")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(connector.0)
    .bind_as::<Array<Text>, _>(messages.iter().map(MessageId::as_str).collect::<Vec<_>>())
    .load::<Row>(tx)
    .await?
    .into_iter()
    .map(Parked::try_from)
    .collect()
}

/// Parked messages whose next look is due.
pub async fn list_due(tx: &mut Tx, guard: &Guard, now: Timestamp, limit: usize) -> Result<Vec<Parked>, Error> {
    sql("SELECT message_id, thread_id, history_id, reason, live, changes, attempts, next_attempt_at, last_error \
         FROM parked_changes WHERE tenant = $1 AND connector_id = $2 AND next_attempt_at <= $3 \
         ORDER BY next_attempt_at LIMIT $4")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<BigInt, _>(super::count(limit))
    .load::<Row>(tx)
    .await?
    .into_iter()
    .map(Parked::try_from)
    .collect()
}

/// Parks messages, or writes what another failed look taught.
pub async fn put(tx: &mut Tx, guard: &Guard, parked: &[Parked], now: Timestamp) -> Result<(), Error> {
    if parked.is_empty() {
        return Ok(());
    }
    sql(
        "INSERT INTO parked_changes (tenant, connector_id, generation, created_at, updated_at, message_id, thread_id, \
            history_id, reason, live, changes, attempts, next_attempt_at, last_error) \
         SELECT $1, $2, $3, $4, $4, n.* FROM unnest($5::text[], $6::text[], $7::bigint[], $8::text[], $9::bool[], \
            $10::int[], $11::int[], $12::timestamptz[], $13::text[]) AS n \
         ON CONFLICT (tenant, connector_id, message_id) DO UPDATE SET generation = excluded.generation, \
            history_id = excluded.history_id, reason = excluded.reason, live = excluded.live, \
            changes = excluded.changes, attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at, \
            last_error = excluded.last_error, updated_at = excluded.updated_at",
    )
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Integer, _>(guard.generation)
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Array<Text>, _>(parked.iter().map(|row| row.message_id.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(
        parked.iter().map(|row| row.thread_id.as_ref().map_or("", ThreadId::as_str)).collect::<Vec<_>>(),
    )
    .bind_as::<Array<BigInt>, _>(parked.iter().map(|row| row.history_id.as_i64()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(parked.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Bool>, _>(parked.iter().map(|row| row.live).collect::<Vec<_>>())
    .bind_as::<Array<Integer>, _>(parked.iter().map(|row| row.changes).collect::<Vec<_>>())
    .bind_as::<Array<Integer>, _>(parked.iter().map(|row| row.attempts).collect::<Vec<_>>())
    .bind_as::<Array<Nullable<Timestamptz>>, _>(parked.iter().map(|row| row.next_attempt_at).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(parked.iter().map(|row| row.last_error.as_str()).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends the parking of messages that were applied or tombstoned.
pub async fn remove(tx: &mut Tx, guard: &Guard, messages: &[MessageId]) -> Result<(), Error> {
    if messages.is_empty() {
        return Ok(());
    }
    sql("DELETE FROM parked_changes WHERE tenant = $1 AND connector_id = $2 AND message_id = ANY ($3)")
        .bind_as::<Text, _>(guard.tenant.as_str())
        .bind_as::<SqlUuid, _>(guard.connector.0)
        .bind_as::<Array<Text>, _>(messages.iter().map(MessageId::as_str).collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}
