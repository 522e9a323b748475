//! Forgetting old rows of control tables, across tenants.

use postrider_domain::Timestamp;
use postrider_storage::types::{BigInt, Timestamptz};
use postrider_storage::{Error, Tx, sql};

/// Removes changes and settled pushes from before an instant, some at a time. Answers how many rows went.
pub async fn forget(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<usize, Error> {
    let changes = sql("DELETE FROM changes WHERE ctid = ANY (ARRAY( \
           SELECT ctid FROM changes WHERE created_at < $1 ORDER BY created_at LIMIT $2))")
    .bind_as::<Timestamptz, _>(before)
    .bind_as::<BigInt, _>(super::count(limit))
    .execute(tx)
    .await?;
    let pushes = sql("DELETE FROM notification_queue WHERE id = ANY (ARRAY( \
           SELECT id FROM notification_queue WHERE created_at < $1 AND status IN ('completed', 'failed') \
           ORDER BY created_at LIMIT $2))")
    .bind_as::<Timestamptz, _>(before)
    .bind_as::<BigInt, _>(super::count(limit))
    .execute(tx)
    .await?;
    Ok(changes + pushes)
}
