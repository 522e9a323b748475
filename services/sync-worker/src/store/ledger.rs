//! `ledger`: every entry of every history record ends applied, tombstoned or parked (law 3).

use postrider_domain::{ConnectorId, Timestamp};
use postrider_storage::{Error, TenantTx, row, sql};

use super::mailboxes::Guard;
use crate::rules::decide::Tally;

/// Adds to the mailbox's ledger. The table itself refuses sums that do not add up.
pub async fn add(tx: &TenantTx, guard: &Guard, tally: Tally) -> Result<(), Error> {
    if tally == Tally::default() {
        return Ok(());
    }
    let binds = (&guard.tenant, guard.connector, tally.seen, tally.applied, tally.tombstoned, tally.parked);
    // Not an upsert: its insert half would be checked with entries that only leave the parking lot.
    let changed = sql("UPDATE ledger SET seen = seen + $3, applied = applied + $4, tombstoned = tombstoned + $5, \
            parked = parked + $6, updated_at = clock_timestamp() WHERE tenant = $1 AND connector_id = $2")
    .binds(binds)
    .execute(tx)
    .await?;
    if changed == 0 {
        sql("INSERT INTO ledger (tenant, connector_id, seen, applied, tombstoned, parked) \
             VALUES ($1, $2, $3, $4, $5, $6)")
        .binds(binds)
        .execute(tx)
        .await?;
    }
    Ok(())
}

row! {
    /// The sums of a mailbox.
    #[derive(Debug, Clone, Copy)]
    pub struct Ledger {
        pub seen: i64,
        pub applied: i64,
        pub tombstoned: i64,
        pub parked: i64,
        pub updated_at: Timestamp,
    }
}

/// The ledger of a mailbox of the entered tenant; none before its first record.
pub async fn find(tx: &TenantTx, connector: ConnectorId) -> Result<Option<Ledger>, Error> {
    sql("SELECT seen, applied, tombstoned, parked, updated_at FROM ledger \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = $1")
    .bind(connector)
    .optional(tx)
    .await
}
