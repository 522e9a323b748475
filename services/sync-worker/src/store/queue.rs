//! The notification queue: pushes as rows, unique by their source message. That is the durable dedupe.

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, HistoryId, Timestamp};
use postrider_storage::types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use super::mailboxes::Guard;
use crate::rules::due::EARLY_LOOKS;

/// A push as it came from the broker.
#[derive(Debug, Clone)]
pub struct Push {
    pub address_key: String,
    pub history_id: HistoryId,
    pub source_message_id: String,
    pub source: String,
    pub published_at: Option<Timestamp>,
    pub trace: Option<TraceContext>,
}

#[derive(QueryableByName)]
struct Marked {
    #[diesel(sql_type = SqlUuid)]
    connector_id: Uuid,
}

/// Queues pushes for every mailbox with their address and marks those mailboxes due: one statement for a whole batch.
/// Repeated pushes do nothing. Answers the mailboxes marked. Needs the system role: a push names no tenant.
pub async fn enqueue(tx: &mut Tx, pushes: &[(Uuid, Push)], now: Timestamp) -> Result<Vec<ConnectorId>, Error> {
    if pushes.is_empty() {
        return Ok(Vec::new());
    }
    let data =
        |push: &Push| serde_json::json!({ "traceparent": push.trace.map(|trace| trace.to_string()) }).to_string();
    let marked = sql("WITH push AS ( \
           SELECT DISTINCT ON (p.address_key, p.source_message_id) p.* \
           FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[], $8::text[]) \
             AS p(seed, address_key, history_id, source_message_id, source, published_at, data)), \
         target AS ( \
           SELECT m.connector_id, m.tenant, p.* FROM mailboxes m JOIN push p ON p.address_key = m.address_key \
           WHERE m.status <> 'disconnected' ORDER BY m.connector_id FOR NO KEY UPDATE OF m), \
         queued AS ( \
           INSERT INTO notification_queue (id, tenant, connector_id, source_message_id, source, history_id, \
             published_at, notification_data, created_at, updated_at) \
           SELECT overlay(seed::text placing substr(md5(connector_id::text), 1, 8) from 29)::uuid, tenant, \
             connector_id, source_message_id, source, history_id, published_at, data::jsonb, $1, $1 FROM target \
           ON CONFLICT (tenant, connector_id, source_message_id) DO NOTHING RETURNING connector_id), \
         hit AS (SELECT connector_id, count(*) AS n FROM queued GROUP BY connector_id) \
         UPDATE mailboxes m SET requested = m.requested + hit.n, last_pushed_at = $1, \
           due_at = CASE WHEN m.status = 'active' AND m.monitored THEN least(m.due_at, $1) ELSE m.due_at END, \
           due_reason = CASE WHEN m.due_at <= $1 THEN m.due_reason ELSE 'push' END \
         FROM hit WHERE m.connector_id = hit.connector_id RETURNING m.connector_id")
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Array<SqlUuid>, _>(pushes.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(pushes.iter().map(|(_, push)| push.address_key.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<BigInt>, _>(pushes.iter().map(|(_, push)| push.history_id.as_i64()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(pushes.iter().map(|(_, push)| push.source_message_id.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(pushes.iter().map(|(_, push)| push.source.as_str()).collect::<Vec<_>>())
    .bind_as::<Array<Nullable<Timestamptz>>, _>(pushes.iter().map(|(_, push)| push.published_at).collect::<Vec<_>>())
    .bind_as::<Array<Text>, _>(pushes.iter().map(|(_, push)| data(push)).collect::<Vec<_>>())
    .load::<Marked>(tx)
    .await?;
    Ok(marked.into_iter().map(|row| ConnectorId(row.connector_id)).collect())
}

/// The newest push that still waits: its trace goes on in the events it causes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cause {
    pub trace: Option<TraceContext>,
    pub published_at: Option<Timestamp>,
}

/// Why the mailbox is looked at, as far as pushes tell.
pub async fn cause(tx: &Tx, guard: &Guard) -> Result<Cause, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        traceparent: Option<String>,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        published_at: Option<Timestamp>,
    }
    let row = sql("SELECT notification_data ->> 'traceparent' AS traceparent, published_at FROM notification_queue \
         WHERE tenant = $1 AND connector_id = $2 AND status IN ('pending', 'processing') \
         ORDER BY history_id DESC LIMIT 1")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .optional::<Row>(tx)
    .await?;
    Ok(row.map_or_else(Cause::default, |row| Cause {
        trace: row.traceparent.and_then(|text| text.parse().ok()),
        published_at: row.published_at,
    }))
}

#[derive(QueryableByName)]
struct NotSeen {
    #[diesel(sql_type = BigInt)]
    not_seen: i64,
}

/// The live lane has reached `reached`: pushes up to there are done. Those beyond it came early: they are looked at
/// again a few times and then complete as `not_seen`. Answers how many ended that way now.
pub async fn settle(tx: &Tx, guard: &Guard, reached: HistoryId, now: Timestamp) -> Result<i64, Error> {
    let [first, second, third] = EARLY_LOOKS;
    let step = |from: i64, to: i64| now + chrono::TimeDelta::seconds(to - from);
    let row = sql("WITH done AS ( \
           UPDATE notification_queue SET status = 'completed', outcome = 'applied', processed_at = $4, updated_at = $4, \
             next_look_at = NULL \
           WHERE tenant = $1 AND connector_id = $2 AND status IN ('pending', 'processing') AND history_id <= $3), \
         early AS ( \
           UPDATE notification_queue SET looks = looks + 1, updated_at = $4, \
             status = CASE WHEN looks >= 3 THEN 'completed' ELSE 'pending' END, \
             outcome = CASE WHEN looks >= 3 THEN 'not_seen' END, \
             processed_at = CASE WHEN looks >= 3 THEN $4 END, \
             next_look_at = CASE looks WHEN 0 THEN $5 WHEN 1 THEN $6 WHEN 2 THEN $7 END \
           WHERE tenant = $1 AND connector_id = $2 AND status IN ('pending', 'processing') AND history_id > $3 \
             AND (next_look_at IS NULL OR next_look_at <= $4) RETURNING status) \
         SELECT count(*) AS not_seen FROM early WHERE status = 'completed'")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<BigInt, _>(reached.as_i64())
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Timestamptz, _>(step(0, first))
    .bind_as::<Timestamptz, _>(step(first, second))
    .bind_as::<Timestamptz, _>(step(second, third))
    .get_result::<NotSeen>(tx)
    .await?;
    Ok(row.not_seen)
}

/// Whether an early push is to be looked at again now.
pub async fn look_is_due(tx: &mut Tx, guard: &Guard, now: Timestamp) -> Result<bool, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = postrider_storage::types::Bool)]
        due: bool,
    }
    let row = sql("SELECT EXISTS (SELECT 1 FROM notification_queue WHERE tenant = $1 AND connector_id = $2 \
           AND status IN ('pending', 'processing') AND next_look_at <= $3) AS due")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Timestamptz, _>(now)
    .get_result::<Row>(tx)
    .await?;
    Ok(row.due)
}
