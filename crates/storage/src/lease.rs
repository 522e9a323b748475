//! Leases of scheduled jobs on database time: with many replicas, one at a time does the work.

use std::time::Duration;

use crate::error::Error;
use crate::row::Value;
use crate::statement::sql;
use crate::tx::SystemTx;

/// Takes the lease if it is free, expired or ours; returns its epoch.
pub async fn try_acquire(tx: &SystemTx, name: &str, owner: &str, ttl: Duration) -> Result<Option<i64>, Error> {
    let row = sql("INSERT INTO leases AS l (name, owner, epoch, until) \
         VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3)) \
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until, \
            epoch = l.epoch + CASE WHEN l.owner = excluded.owner THEN 0 ELSE 1 END \
         WHERE l.until <= clock_timestamp() OR l.owner = excluded.owner \
         RETURNING epoch AS value")
    .binds((name, owner, ttl.as_secs_f64()))
    .optional::<Value<i64>>(tx)
    .await?;
    Ok(row.map(|Value(epoch)| epoch))
}

/// Gives the lease up if it is still ours.
pub async fn release(tx: &SystemTx, name: &str, owner: &str) -> Result<(), Error> {
    sql("UPDATE leases SET until = clock_timestamp() WHERE name = $1 AND owner = $2")
        .binds((name, owner))
        .execute(tx)
        .await?;
    Ok(())
}
