//! Mails that look deleted after a complete listing: not listed, not newer than the run, stored before it began; of the
//! present generation so long before that no lagging listing can have missed them (what goes meanwhile,
//! history tells, unless it answers that it is gone).

use postrider_storage::{Error, TenantTx, row, sql};

use super::known::known_columns;
use crate::rules::change::Known;
use crate::rules::settle::VISIBLE_AFTER;
use crate::store::count;
use crate::store::runs::Run;

/// Some of them, in the order of their message ids, behind `after`.
pub async fn list_unlisted(tx: &mut TenantTx, run: &Run, after: &str, limit: usize) -> Result<Vec<Known>, Error> {
    sql(concat!(
        "SELECT ",
        known_columns!(),
        " FROM emails e WHERE e.tenant = $1 AND e.connector_id = $2 AND NOT e.is_deleted AND e.message_id > $6 \
           AND (e.generation < $4 OR (e.generation = $4 AND e.history_id <= $5 AND (e.created_at <= $9 \
             OR EXISTS (SELECT FROM mailboxes m WHERE m.connector_id = $2 AND m.gone_at IS NOT NULL)))) \
           AND e.created_at <= $8 \
           AND NOT EXISTS (SELECT 1 FROM sync_listing l \
             WHERE l.tenant = $1 AND l.run_id = $3 AND l.message_id = e.message_id) \
         ORDER BY e.message_id LIMIT $7"
    ))
    .binds((&run.tenant, run.connector, run.id, run.generation, run.boundary, after, count(limit), run.began_at()))
    .bind(run.began_at() - VISIBLE_AFTER)
    .load(tx)
    .await
}

row! {
    /// How many mails look deleted.
    #[derive(Debug, Clone, Copy)]
    pub struct Unlisted {
        /// Mails in the mirror.
        pub alive: i64,
        /// Those of them that look deleted.
        pub unlisted: i64,
    }
}

/// Counts them.
pub async fn count_unlisted(tx: &mut TenantTx, run: &Run) -> Result<Unlisted, Error> {
    sql("SELECT count(*) AS alive, count(*) FILTER (WHERE l.message_id IS NULL \
             AND (e.generation < $4 OR (e.generation = $4 AND e.history_id <= $5 AND (e.created_at <= $7 \
             OR EXISTS (SELECT FROM mailboxes m WHERE m.connector_id = $2 AND m.gone_at IS NOT NULL)))) AND e.created_at <= $6) AS unlisted \
         FROM emails e LEFT JOIN sync_listing l \
           ON l.tenant = $1 AND l.run_id = $3 AND l.message_id = e.message_id \
         WHERE e.tenant = $1 AND e.connector_id = $2 AND NOT e.is_deleted")
    .binds((&run.tenant, run.connector, run.id, run.generation, run.boundary, run.began_at()))
    .bind(run.began_at() - VISIBLE_AFTER)
    .get_result(tx)
    .await
}
