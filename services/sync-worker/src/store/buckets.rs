//! `quota_buckets`: what is left of users' quota, saved at checkpoints. The budget belongs to the Google account, not to
//! a tenant.

use postrider_domain::Timestamp;
use postrider_gmail::quota::SavedBucket;
use postrider_storage::{Error, SystemTx, Value, row, sql};

row! {
    struct Bucket {
        units: i64,
        refilled_at: Timestamp,
        concurrency: i64,
    }
}

fn key(google_sub: &str) -> String {
    format!("user:{google_sub}")
}

/// The saved bucket of a Google account, and the concurrency felt for with it.
pub async fn find(tx: &mut SystemTx, google_sub: &str) -> Result<Option<(SavedBucket, u32)>, Error> {
    let bucket: Option<Bucket> = sql("SELECT units::bigint AS units, refilled_at, concurrency::bigint AS concurrency \
         FROM quota_buckets WHERE key = $1")
    .bind(key(google_sub))
    .optional(tx)
    .await?;
    Ok(bucket.map(|bucket| {
        let concurrency = u32::try_from(bucket.concurrency).unwrap_or(1);
        (SavedBucket { units: bucket.units, at: bucket.refilled_at }, concurrency)
    }))
}

/// Saves a bucket, the units spent since the last save, and the concurrency felt for.
pub async fn save(
    tx: &mut SystemTx,
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
    .binds((key(google_sub), saved.units as f64, saved.at, f64::from(concurrency), spent))
    .execute(tx)
    .await?;
    Ok(())
}

/// Quota that Google accounts spent in a minute that began after `since`.
pub async fn spent(tx: &SystemTx, google_subs: impl IntoIterator<Item = &str>, since: Timestamp) -> Result<i64, Error> {
    let keys: Vec<String> = google_subs.into_iter().map(key).collect();
    let spent = sql("SELECT coalesce(sum(spent_in_minute), 0)::bigint AS value FROM quota_buckets \
         WHERE key = ANY ($1) AND minute > $2")
    .binds((keys, since))
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(spent.0)
}
