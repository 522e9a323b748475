//! Leases of scheduled jobs on database time: with many replicas, one at a time does the work.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Text};

use crate::error::Error;
use crate::statement::sql;
use crate::tx::Tx;

#[derive(QueryableByName)]
struct EpochRow {
    #[diesel(sql_type = BigInt)]
    epoch: i64,
}

/// Takes the lease if it is free, expired or ours; answers its epoch. Use inside a system transaction.
pub async fn try_acquire(tx: &mut Tx, name: &str, owner: &str, ttl: Duration) -> Result<Option<i64>, Error> {
    let row = sql("INSERT INTO leases AS l (name, owner, epoch, until) \
         VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3)) \
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until, \
            epoch = l.epoch + CASE WHEN l.owner = excluded.owner THEN 0 ELSE 1 END \
         WHERE l.until <= clock_timestamp() OR l.owner = excluded.owner \
         RETURNING epoch")
    .bind_as::<Text, _>(name)
    .bind_as::<Text, _>(owner)
    .bind_as::<Double, _>(ttl.as_secs_f64())
    .optional::<EpochRow>(tx)
    .await?;
    Ok(row.map(|row| row.epoch))
}

/// Gives the lease up if it is still ours.
pub async fn release(tx: &mut Tx, name: &str, owner: &str) -> Result<(), Error> {
    sql("UPDATE leases SET until = clock_timestamp() WHERE name = $1 AND owner = $2")
        .bind_as::<Text, _>(name)
        .bind_as::<Text, _>(owner)
        .execute(tx)
        .await?;
    Ok(())
}
