//! What is left of users' quota, saved at checkpoints.

use postrider_domain::Timestamp;
use postrider_gmail::quota::SavedBucket;
use postrider_storage::types::{BigInt, Double, Text, Timestamptz};
use postrider_storage::{Error, QueryableByName, Tx, sql};

/// The saved bucket of a Google account, and the concurrency felt for with it.
pub async fn find(tx: &mut Tx, google_sub: &str) -> Result<Option<(SavedBucket, u32)>, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        units: i64,
        #[diesel(sql_type = Timestamptz)]
        refilled_at: Timestamp,
        #[diesel(sql_type = BigInt)]
        concurrency: i64,
    }
    let row = sql("SELECT units::bigint AS units, refilled_at, concurrency::bigint AS concurrency FROM quota_buckets WHERE key = $1")
        .bind_as::<Text, _>(format!("user:{google_sub}"))
        .optional::<Row>(tx)
        .await?;
    Ok(row.map(|row| {
        let concurrency = u32::try_from(row.concurrency).unwrap_or(1);
        (SavedBucket { units: row.units, at: row.refilled_at }, concurrency)
    }))
}

/// Saves a bucket, the units spent since the last save, and the concurrency felt for.
pub async fn save(
    tx: &mut Tx,
    google_sub: &str,
    saved: SavedBucket,
    spent: i64,
    concurrency: u32,
) -> Result<(), Error> {
    sql("INSERT INTO quota_buckets AS b (key, units, refilled_at, concurrency, minute, spent_in_minute) \
         VALUES ($1, $2, $3, $4, date_trunc('minute', $3::timestamptz), $5) \
         ON CONFLICT (key) DO UPDATE SET units = excluded.units, refilled_at = excluded.refilled_at, \
            concurrency = excluded.concurrency, minute = excluded.minute, updated_at = clock_timestamp(), \
            spent_in_minute = excluded.spent_in_minute \
              + CASE WHEN b.minute = excluded.minute THEN b.spent_in_minute ELSE 0 END")
    .bind_as::<Text, _>(format!("user:{google_sub}"))
    .bind_as::<Double, _>(saved.units as f64)
    .bind_as::<Timestamptz, _>(saved.at)
    .bind_as::<Double, _>(f64::from(concurrency))
    .bind_as::<BigInt, _>(spent)
    .execute(tx)
    .await?;
    Ok(())
}
