//! `notification_queue`: pushes as rows, unique by their source message. That is the durable dedupe.

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, HistoryId, Timestamp};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};
use serde_json::json;
use uuid::Uuid;

use super::mailboxes::Guard;
use crate::rules::due::EARLY_LOOKS;

/// A push as it came from the broker.
#[derive(Debug, Clone)]
pub struct Push {
    /// The ids of its rows are made from it.
    pub seed: Uuid,
    pub address_key: String,
    pub history_id: HistoryId,
    pub source_message_id: String,
    pub source: String,
    pub published_at: Option<Timestamp>,
    pub trace: Option<TraceContext>,
}

/// Queues pushes for every mailbox with their address and marks those mailboxes due: one statement for a whole batch.
/// Repeated pushes do nothing. Returns the mailboxes marked.
pub async fn enqueue(tx: &mut SystemTx, pushes: &[Push], now: Timestamp) -> Result<Vec<ConnectorId>, Error> {
    if pushes.is_empty() {
        return Ok(Vec::new());
    }
    let data = |push: &Push| json!({ "traceparent": push.trace.map(|trace| trace.to_string()) });
    let marked = sql("WITH push AS ( \
           SELECT DISTINCT ON (p.address_key, p.source_message_id) p.* \
           FROM {p: seed uuid, address_key text, history_id bigint, source_message_id text, source text, \
             published_at timestamptz, data jsonb}), \
         target AS ( \
           SELECT m.connector_id, m.tenant, p.* FROM mailboxes m JOIN push p ON p.address_key = m.address_key \
           WHERE m.status <> 'disconnected' ORDER BY m.connector_id FOR NO KEY UPDATE OF m), \
         queued AS ( \
           INSERT INTO notification_queue (id, tenant, connector_id, source_message_id, source, history_id, \
             published_at, notification_data, created_at, updated_at) \
           SELECT overlay(seed::text placing substr(md5(connector_id::text), 1, 8) from 29)::uuid, tenant, \
             connector_id, source_message_id, source, history_id, published_at, data, $1, $1 FROM target \
           ON CONFLICT (tenant, connector_id, source_message_id) DO NOTHING RETURNING connector_id), \
         hit AS (SELECT connector_id, count(*) AS n FROM queued GROUP BY connector_id) \
         UPDATE mailboxes m SET requested = m.requested + hit.n, last_pushed_at = $1, \
           due_at = CASE WHEN m.status = 'active' AND m.monitored THEN least(m.due_at, $1) ELSE m.due_at END, \
           due_reason = CASE WHEN m.due_at <= $1 THEN m.due_reason ELSE 'push' END \
         FROM hit WHERE m.connector_id = hit.connector_id RETURNING m.connector_id AS value")
    .bind(now)
    .column("seed", pushes.iter().map(|push| push.seed))
    .column("address_key", pushes.iter().map(|push| &push.address_key))
    .column("history_id", pushes.iter().map(|push| push.history_id))
    .column("source_message_id", pushes.iter().map(|push| &push.source_message_id))
    .column("source", pushes.iter().map(|push| &push.source))
    .column("published_at", pushes.iter().map(|push| push.published_at))
    .column("data", pushes.iter().map(data))
    .load::<Value<ConnectorId>>(tx)
    .await?;
    Ok(marked.into_iter().map(|row| row.0).collect())
}

/// The newest push that still waits: its trace goes on in the events it causes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cause {
    pub trace: Option<TraceContext>,
    pub published_at: Option<Timestamp>,
}

row! {
    struct Newest {
        traceparent: Option<String>,
        published_at: Option<Timestamp>,
    }
}

/// Why the mailbox is looked at, as far as pushes tell.
pub async fn cause(tx: &TenantTx, guard: &Guard) -> Result<Cause, Error> {
    let newest: Option<Newest> =
        sql("SELECT notification_data ->> 'traceparent' AS traceparent, published_at FROM notification_queue \
         WHERE tenant = $1 AND connector_id = $2 AND status IN ('pending', 'processing') \
         ORDER BY history_id DESC LIMIT 1")
        .binds((&guard.tenant, guard.connector))
        .optional(tx)
        .await?;
    Ok(newest.map_or_else(Cause::default, |push| Cause {
        trace: push.traceparent.and_then(|text| text.parse().ok()),
        published_at: push.published_at,
    }))
}

/// The live lane has reached `reached`: pushes up to there are done. Those beyond it came early: they are looked at
/// again a few times and then complete as `not_seen`. Returns how many ended that way now.
pub async fn settle(tx: &TenantTx, guard: &Guard, reached: HistoryId, now: Timestamp) -> Result<i64, Error> {
    let [first, second, third] = EARLY_LOOKS;
    let step = |from: i64, to: i64| now + chrono::TimeDelta::seconds(to - from);
    let not_seen = sql("WITH done AS ( \
           UPDATE notification_queue SET status = 'completed', outcome = 'applied', processed_at = $4, updated_at = $4, \
             next_look_at = NULL \
           WHERE tenant = $1 AND connector_id = $2 AND status IN ('pending', 'processing') AND history_id <= $3), \
         early AS ( \
           UPDATE notification_queue SET looks = looks + 1, updated_at = $4, \
             status = CASE WHEN looks >= 3 THEN 'completed' ELSE 'pending' END, \
             outcome = CASE WHEN looks >= 3 THEN 'not_seen' END, \
             processed_at = CASE WHEN looks >= 3 THEN $4 END, \
             next_look_at = CASE looks WHEN 0 THEN $5::timestamptz WHEN 1 THEN $6 WHEN 2 THEN $7 END \
           WHERE tenant = $1 AND connector_id = $2 AND status IN ('pending', 'processing') AND history_id > $3 \
             AND (next_look_at IS NULL OR next_look_at <= $4) RETURNING status) \
         SELECT count(*) AS value FROM early WHERE status = 'completed'")
    .binds((&guard.tenant, guard.connector, reached, now))
    .binds((step(0, first), step(first, second), step(second, third)))
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(not_seen.0)
}

/// When the oldest push that is not yet in the mirror was taken.
pub async fn oldest_open(tx: &TenantTx, connectors: &[ConnectorId]) -> Result<Option<Timestamp>, Error> {
    let oldest = sql("SELECT min(created_at) AS value FROM notification_queue \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
            AND status IN ('pending', 'processing')")
    .bind(connectors)
    .get_result::<Value<Option<Timestamp>>>(tx)
    .await?;
    Ok(oldest.0)
}

/// Removes settled pushes from before an instant, some at a time. Returns how many went.
pub async fn forget(tx: &mut SystemTx, before: Timestamp, limit: usize) -> Result<usize, Error> {
    sql("DELETE FROM notification_queue WHERE id = ANY (ARRAY( \
           SELECT id FROM notification_queue WHERE created_at < $1 AND status IN ('completed', 'failed') \
           ORDER BY created_at LIMIT $2))")
    .binds((before, super::count(limit)))
    .execute(tx)
    .await
}
