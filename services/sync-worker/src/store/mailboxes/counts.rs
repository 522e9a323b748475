//! Whether the mirror holds as many mails as Gmail says, as it was last seen.

use postrider_domain::Timestamp;
use postrider_storage::{Error, TenantTx, sql};

use super::Guard;
use crate::rules::recount::Outcome;

/// Keeps what a comparison showed.
pub async fn counted(tx: &TenantTx, guard: &Guard, outcome: Outcome, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET counted_at = $2, count_off = $3, recounted_at = CASE WHEN $4 THEN $2 ELSE recounted_at END \
         WHERE connector_id = $1 AND epoch = $5")
    .binds((guard.connector, now, outcome != Outcome::Same, outcome == Outcome::Audit, guard.epoch))
    .execute(tx)
    .await?;
    Ok(())
}
