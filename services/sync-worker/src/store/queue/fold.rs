//! Pushes that nobody follows: of an account that is paused, waits for a consent or was switched off, Google goes on
//! pushing, up to once a second. One row says as much as all of them.

use postrider_storage::{Error, SystemTx, sql};

/// Folds waiting pushes of mailboxes that are not followed into the one with the greatest history id, some at a time, and
/// notes there how many it stands for; those of accounts that have ended go altogether. Returns how many went.
pub async fn fold(tx: &SystemTx, limit: usize) -> Result<usize, Error> {
    sql("WITH ranked AS ( \
           SELECT q.id, q.connector_id, m.status, \
             first_value(q.id) OVER newest AS kept, row_number() OVER newest AS place \
           FROM notification_queue q JOIN mailboxes m ON m.connector_id = q.connector_id \
           WHERE q.status IN ('pending', 'processing') AND (m.status <> 'active' OR NOT m.monitored) \
           WINDOW newest AS (PARTITION BY q.connector_id ORDER BY q.history_id DESC, q.id DESC)), \
         more AS (SELECT id, kept, status FROM ranked WHERE place > 1 OR status = 'disconnected' LIMIT $1), \
         gone AS (DELETE FROM notification_queue q USING more WHERE q.id = more.id \
           RETURNING more.kept, coalesce((q.notification_data ->> 'folded')::bigint, 0) + 1 AS n), \
         sums AS (SELECT kept, sum(n) AS n FROM gone GROUP BY kept), \
         noted AS (UPDATE notification_queue q SET notification_data = jsonb_set(q.notification_data, '{folded}', \
               to_jsonb(coalesce((q.notification_data ->> 'folded')::bigint, 0) + sums.n)) \
           FROM sums WHERE q.id = sums.kept AND q.id NOT IN (SELECT id FROM more)) \
         SELECT count(*) AS value FROM gone")
    .bind(crate::store::count(limit))
    .get_result::<postrider_storage::Value<i64>>(tx)
    .await
    .map(|gone| usize::try_from(gone.0).unwrap_or_default())
}
