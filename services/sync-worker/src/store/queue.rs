//! `notification_queue`: pushes as rows, unique by their source message. That is the durable dedupe.

mod fold;
pub mod shown;

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, HistoryId, Timestamp};
use postrider_storage::{Error, Statement, SystemTx, TenantTx, Value, row, sql};
use serde_json::json;
use uuid::Uuid;

pub use self::fold::fold;
use super::mailboxes::Guard;
use crate::rules::follow_up;

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

/// What became of a batch of pushes.
#[derive(Debug, Default)]
pub struct Enqueued {
    /// Mailboxes marked.
    pub marked: Vec<ConnectorId>,
    /// Mailboxes that a commit holds at the moment: nothing was written for them.
    pub busy: Vec<Busy>,
}

/// A mailbox that somebody's transaction holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    pub connector: ConnectorId,
    pub address_key: String,
}

row! {
    struct Target {
        connector: ConnectorId,
        address_key: String,
        marked: bool,
    }
}

/// Queues pushes for the mailboxes with their addresses that `$more` leaves, and marks those mailboxes due; `$lock` says
/// what happens where a mailbox is held. $1 is the time.
macro_rules! enqueue {
    ($more:literal, $lock:literal) => {
        concat!(
            "WITH push AS ( \
               SELECT DISTINCT ON (p.address_key, p.source_message_id) p.* \
               FROM {p: seed uuid, address_key text, history_id bigint, source_message_id text, source text, \
                 published_at timestamptz, data jsonb}), \
             target AS ( \
               SELECT m.connector_id, m.tenant, m.watch_id, p.* FROM mailboxes m JOIN push p ON p.address_key = m.address_key \
               WHERE m.status <> 'disconnected' ",
            $more,
            " ORDER BY m.connector_id FOR NO KEY UPDATE OF m ",
            $lock,
            "), \
             queued AS ( \
               INSERT INTO notification_queue (id, tenant, connector_id, source_message_id, source, history_id, \
                 published_at, notification_data, watch_id, created_at, updated_at) \
               SELECT overlay(seed::text placing substr(md5(connector_id::text), 1, 8) from 29)::uuid, tenant, \
                 connector_id, source_message_id, source, history_id, published_at, data, \
                 CASE WHEN source = 'pubsub' THEN watch_id END, $1, $1 FROM target \
               ON CONFLICT (tenant, connector_id, source_message_id) DO NOTHING RETURNING connector_id, history_id), \
             hit AS (SELECT connector_id, count(*) AS n, max(history_id) AS pushed FROM queued GROUP BY connector_id), \
             marked AS ( \
               UPDATE mailboxes m SET requested = m.requested + hit.n, last_pushed_at = $1, pushed_id = hit.pushed, \
                 due_at = CASE WHEN m.status = 'active' AND m.monitored THEN least(m.due_at, $1) ELSE m.due_at END, \
                 due_reason = CASE WHEN m.due_at <= $1 THEN m.due_reason ELSE 'push' END \
               FROM hit WHERE m.connector_id = hit.connector_id RETURNING m.connector_id, m.address_key), \
             busy AS ( \
               SELECT m.connector_id, m.address_key FROM mailboxes m WHERE m.status <> 'disconnected' ",
            $more,
            " AND m.address_key IN (SELECT address_key FROM push) \
                 AND m.connector_id NOT IN (SELECT connector_id FROM target)) \
             SELECT connector_id AS connector, address_key, true AS marked FROM marked \
             UNION ALL SELECT connector_id, address_key, false FROM busy"
        )
    };
}

/// Queues pushes for every mailbox with their address and marks those mailboxes due. Repeated pushes do nothing. Waits
/// for who holds one of them, but not for long. Returns the mailboxes marked.
pub async fn enqueue(tx: &SystemTx, pushes: &[Push], now: Timestamp) -> Result<Vec<ConnectorId>, Error> {
    be_patient(tx).await?;
    Ok(load(sql(enqueue!("", "")).bind(now), tx, pushes).await?.marked)
}

/// As [`enqueue`], for one mailbox.
pub async fn enqueue_for(
    tx: &SystemTx,
    connector: ConnectorId,
    pushes: &[Push],
    now: Timestamp,
) -> Result<Vec<ConnectorId>, Error> {
    be_patient(tx).await?;
    Ok(load(sql(enqueue!("AND m.connector_id = $2", "")).binds((now, connector)), tx, pushes).await?.marked)
}

/// As [`enqueue`], one statement for a whole batch: mailboxes that somebody's commit holds are left out, so that the others
/// do not wait for it.
pub async fn enqueue_unheld(tx: &SystemTx, pushes: &[Push], now: Timestamp) -> Result<Enqueued, Error> {
    if pushes.is_empty() {
        return Ok(Enqueued::default());
    }
    load(sql(enqueue!("", "SKIP LOCKED")).bind(now), tx, pushes).await
}

/// A push waits this long for a mailbox; then it comes again later.
async fn be_patient(tx: &SystemTx) -> Result<(), Error> {
    sql("SELECT set_config('lock_timeout', '5s', true)").execute(tx).await?;
    Ok(())
}

async fn load<'a>(statement: Statement<'a>, tx: &SystemTx, pushes: &'a [Push]) -> Result<Enqueued, Error> {
    let data = |push: &Push| json!({ "traceparent": push.trace.map(|trace| trace.to_string()) });
    let targets: Vec<Target> = statement
        .column("seed", pushes.iter().map(|push| push.seed))
        .column("address_key", pushes.iter().map(|push| &push.address_key))
        .column("history_id", pushes.iter().map(|push| push.history_id))
        .column("source_message_id", pushes.iter().map(|push| &push.source_message_id))
        .column("source", pushes.iter().map(|push| &push.source))
        .column("published_at", pushes.iter().map(|push| push.published_at))
        .column("data", pushes.iter().map(data))
        .load(tx)
        .await?;
    let mut enqueued = Enqueued::default();
    for Target { connector, address_key, marked } in targets {
        match marked {
            true => enqueued.marked.push(connector),
            false => enqueued.busy.push(Busy { connector, address_key }),
        }
    }
    Ok(enqueued)
}

/// The newest push that still waits, or whose records are still to come to light: its trace goes on in the events it
/// causes.
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
pub async fn cause(tx: &TenantTx, guard: &Guard, now: Timestamp) -> Result<Cause, Error> {
    let newest: Option<Newest> =
        sql("SELECT notification_data ->> 'traceparent' AS traceparent, published_at FROM notification_queue \
         WHERE tenant = $1 AND connector_id = $2 AND (status IN ('pending', 'processing') OR created_at > $3 \
           AND history_id > (SELECT cursor FROM mailboxes WHERE connector_id = $2)) \
         ORDER BY history_id DESC LIMIT 1")
        .binds((&guard.tenant, guard.connector, now - follow_up::OVER))
        .optional(tx)
        .await?;
    Ok(newest.map_or_else(Cause::default, |push| Cause {
        trace: push.traceparent.and_then(|text| text.parse().ok()),
        published_at: push.published_at,
    }))
}

/// A complete look that began at `began` reached `reached`: of the pushes written before it, those up to there are done,
/// and those whose follow-up looks are over were never seen. It is bookkeeping: nothing starts from it. Tells when Google
/// published those that are done.
pub async fn settle(
    tx: &TenantTx,
    guard: &Guard,
    reached: HistoryId,
    began: Timestamp,
    now: Timestamp,
) -> Result<Vec<Timestamp>, Error> {
    let published = sql("UPDATE notification_queue SET status = 'completed', processed_at = $5, updated_at = $5, \
            outcome = CASE WHEN history_id <= $3 THEN 'applied' ELSE 'not_seen' END, error_message = NULL \
         WHERE tenant = $1 AND connector_id = $2 AND status IN ('pending', 'processing', 'failed') AND created_at <= $4 \
           AND (history_id <= $3 OR created_at <= $6) \
         RETURNING CASE WHEN history_id <= $3 THEN published_at END AS value")
    .binds((&guard.tenant, guard.connector, reached, began, now, began - follow_up::OVER))
    .load::<Value<Option<Timestamp>>>(tx)
    .await?;
    Ok(published.into_iter().filter_map(|row| row.0).collect())
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
