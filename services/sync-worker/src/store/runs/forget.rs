//! The history of runs is kept for a while.

use postrider_domain::Timestamp;
use postrider_storage::{Error, SystemTx, sql};

/// Removes runs that ended before an instant, some at a time, but not the newest of its kind that came to its end: coverage
/// and audits speak of it. Erasures stay as proof. Returns how many went.
pub async fn forget(tx: &mut SystemTx, before: Timestamp, limit: usize) -> Result<usize, Error> {
    sql("DELETE FROM sync_runs WHERE (tenant, run_id) IN ( \
           SELECT r.tenant, r.run_id FROM sync_runs r \
           WHERE r.finished_at < $1 AND r.kind <> 'erase' AND (r.listing_cleared OR r.kind = 'incremental') \
             AND (r.state <> 'completed' OR EXISTS ( \
               SELECT FROM sync_runs n WHERE n.tenant = r.tenant AND n.connector_id = r.connector_id AND n.kind = r.kind \
                 AND n.state = 'completed' AND n.created_at > r.created_at)) \
           ORDER BY r.finished_at LIMIT $2)")
    .binds((before, crate::store::count(limit)))
    .execute(tx)
    .await
}
