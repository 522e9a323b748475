//! The queue as the API shows it, and what is asked of it there.

use postrider_domain::{ConnectorId, HistoryId, MessageId, ThreadId, Timestamp, words};
use postrider_storage::{Error, TenantTx, Value, row, sql};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::store::count;

words! {
    /// Where a push stands.
    pub enum QueueStatus {
        Pending = "pending",
        Processing = "processing",
        Completed = "completed",
        Failed = "failed",
    }
}

row! {
    /// A push.
    #[derive(Debug)]
    pub struct Queued {
        pub id: Uuid,
        /// The watch by which Google pushed it, where it did.
        pub watch_id: Option<Uuid>,
        pub connector_id: ConnectorId,
        pub notification_type: String,
        pub message_id: Option<MessageId>,
        pub thread_id: Option<ThreadId>,
        pub history_id: HistoryId,
        pub status: QueueStatus,
        pub outcome: Option<String>,
        pub retry_count: i32,
        pub max_retries: i32,
        pub error_message: Option<String>,
        pub processed_at: Option<Timestamp>,
        pub source: String,
        pub source_message_id: String,
        pub published_at: Option<Timestamp>,
        pub notification_data: Json,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

/// Pushes of some accounts, newest first, behind the given sort key.
pub async fn list(
    tx: &TenantTx,
    accounts: &[ConnectorId],
    status: Option<QueueStatus>,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<Queued>, Error> {
    let (time, id) = after.unzip();
    // Each account in the order of its index: one list over all of them would sort all pushes.
    sql("SELECT q.* FROM unnest($1::uuid[]) AS account (of) CROSS JOIN LATERAL ( \
           SELECT id, watch_id, connector_id, notification_type, message_id, thread_id, history_id, status, outcome, retry_count, \
              max_retries, error_message, processed_at, source, source_message_id, published_at, notification_data, \
              created_at, updated_at FROM notification_queue \
           WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = account.of \
             AND ($2::text IS NULL OR status = $2) AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4)) \
           ORDER BY created_at DESC, id DESC LIMIT $5) q ORDER BY q.created_at DESC, q.id DESC LIMIT $5")
    .binds((accounts, status, time, id, limit))
    .load(tx)
    .await
}

row! {
    /// A push that waits.
    #[derive(Debug, Clone, Copy)]
    pub struct Open {
        pub id: Uuid,
        pub connector_id: ConnectorId,
    }
}

/// Pushes of some accounts that wait, longest first.
pub async fn list_open(tx: &TenantTx, accounts: &[ConnectorId], limit: i64) -> Result<Vec<Open>, Error> {
    sql("SELECT id, connector_id FROM notification_queue \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
           AND status IN ('pending', 'processing') ORDER BY created_at, id LIMIT $2")
    .binds((accounts, limit))
    .load(tx)
    .await
}

/// Pushes that failed wait again. Returns how many.
pub async fn retry_failed(tx: &TenantTx, accounts: &[ConnectorId], limit: i64, now: Timestamp) -> Result<usize, Error> {
    sql("UPDATE notification_queue SET status = 'pending', retry_count = 0, updated_at = $3 WHERE id = ANY (ARRAY( \
           SELECT id FROM notification_queue WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
             AND connector_id = ANY ($1) AND status = 'failed' ORDER BY created_at, id LIMIT $2))")
    .binds((accounts, limit, now))
    .execute(tx)
    .await
}

/// How many of some pushes have this status now.
pub async fn count_among(tx: &TenantTx, pushes: &[Uuid], status: QueueStatus) -> Result<i64, Error> {
    let found = sql("SELECT count(*) AS value FROM notification_queue \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND id = ANY ($1) AND status = $2")
    .binds((pushes, status))
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(found.0)
}

/// How many pushes of some accounts wait.
pub async fn count_open(tx: &TenantTx, accounts: &[ConnectorId]) -> Result<i64, Error> {
    let open = sql("SELECT count(*) AS value FROM notification_queue \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
           AND status IN ('pending', 'processing')")
    .bind(accounts)
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(open.0)
}

/// A look at the mailbox failed: pushes that wait for it have one try less, and none left means failed. A later look that
/// gets there ends them all the same.
pub async fn note_failure(tx: &TenantTx, connector: ConnectorId, error: &str, now: Timestamp) -> Result<usize, Error> {
    sql("UPDATE notification_queue SET retry_count = least(retry_count + 1, max_retries), error_message = $2, \
            updated_at = $3, status = CASE WHEN retry_count + 1 >= max_retries THEN 'failed' ELSE status END \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = $1 \
           AND status IN ('pending', 'processing') AND id = ANY (ARRAY( \
             SELECT id FROM notification_queue WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
               AND connector_id = $1 AND status IN ('pending', 'processing') LIMIT $4))")
    .binds((connector, error, now, count(1_000)))
    .execute(tx)
    .await
}
