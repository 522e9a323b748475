//! The ledger: every entry of every history record ends applied, tombstoned or parked (law 3).

use storage::types::{BigInt, Text, Uuid as SqlUuid};
use storage::{Error, Tx, sql};

use super::mailboxes::Guard;

/// What a transaction adds; entries that leave the parking lot count negatively under `parked`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub seen: i64,
    pub applied: i64,
    pub tombstoned: i64,
    pub parked: i64,
}

/// Adds to the mailbox's ledger. The table itself refuses sums that do not add up.
pub async fn add(tx: &mut Tx, guard: &Guard, tally: Tally) -> Result<(), Error> {
    if tally == Tally::default() {
        return Ok(());
    }
    sql("INSERT INTO ledger AS l (tenant, connector_id, seen, applied, tombstoned, parked) \
         VALUES ($1, $2, $3, $4, $5, greatest($6, 0)) \
         ON CONFLICT (tenant, connector_id) DO UPDATE SET seen = l.seen + $3, applied = l.applied + $4, \
            tombstoned = l.tombstoned + $5, parked = l.parked + $6, updated_at = clock_timestamp()")
    .bind::<Text, _>(guard.tenant.as_str())
    .bind::<SqlUuid, _>(guard.connector.0)
    .bind::<BigInt, _>(tally.seen)
    .bind::<BigInt, _>(tally.applied)
    .bind::<BigInt, _>(tally.tombstoned)
    .bind::<BigInt, _>(tally.parked)
    .execute(tx)
    .await?;
    Ok(())
}
