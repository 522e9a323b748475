//! `quota_buckets`: users' quota. The budget belongs to the Google account, not to a tenant and not to a lease: whoever
//! calls Gmail for it, in whatever process, claims from its one row first.

use async_trait::async_trait;
use postrider_domain::{ConnectorId, Seams, Timestamp};
use postrider_gmail::quota::{Aimd, Claimed, QuotaSetting, SavedBucket, UnitsClaim, UserBucket, UserUnits};
use postrider_storage::{Db, Error, SystemTx, Value, row, sql};

/// The part of the minute that is not given out, one in so many units: what was claimed ahead in one minute may be spent
/// in the next one, by two replicas at once.
const MARGIN: u32 = 100;

/// The bucket counts in millionths of a unit, its row in units.
const MICRO: f64 = 1e6;

row! {
    struct Bucket {
        micro: i64,
        refilled_at: Timestamp,
    }
}

row! {
    struct Felt {
        concurrency: i64,
        updated_at: Timestamp,
    }
}

fn key(google_sub: &str) -> String {
    format!("user:{google_sub}")
}

/// One Google account's bucket.
#[derive(Clone)]
pub struct SharedUnits {
    db: Db,
    seams: Seams,
    key: String,
    limit: u32,
    dearest: u32,
}

impl SharedUnits {
    pub fn new(db: Db, seams: Seams, google_sub: &str, quota: &QuotaSetting) -> Self {
        let limit = quota.limits.user_per_minute;
        Self { db, seams, key: key(google_sub), limit: limit - limit / MARGIN, dearest: quota.costs.dearest() }
    }

    /// The concurrency felt for with it, and when that was.
    pub async fn felt(&self) -> Result<Option<(u32, Timestamp)>, Error> {
        let tx = self.db.system().await?;
        let felt: Option<Felt> =
            sql("SELECT concurrency::bigint AS concurrency, updated_at FROM quota_buckets WHERE key = $1")
                .bind(&self.key)
                .optional(&tx)
                .await?;
        tx.commit().await?;
        Ok(felt.map(|felt| (u32::try_from(felt.concurrency).unwrap_or(1), felt.updated_at)))
    }

    /// Puts back what was claimed and not spent, and notes the concurrency felt for.
    pub async fn give_back(&self, unspent: u32, concurrency: u32) -> Result<(), Error> {
        let now = self.seams.clock.now();
        let tx = self.db.system_unflushed().await?;
        let mut bucket = self.lock(&tx, now).await?;
        bucket.give_back(unspent, now);
        write(&tx, &self.key, bucket.save(now), -i64::from(unspent), Some(concurrency)).await?;
        tx.commit().await
    }

    async fn take(&self, claim: UnitsClaim) -> Result<Claimed, Error> {
        let now = self.seams.clock.now();
        let tx = self.db.system_unflushed().await?;
        let mut bucket = self.lock(&tx, now).await?;
        let claimed = bucket.claim(claim, now);
        let granted = match claimed {
            Claimed::Granted(granted) => i64::from(granted),
            Claimed::Wait(_) | Claimed::Unreachable => 0,
        };
        // What only waits leaves the row alone.
        if granted > 0 || claim.drained {
            write(&tx, &self.key, bucket.save(now), granted, None).await?;
        }
        tx.commit().await?;
        Ok(claimed)
    }

    /// The bucket as it is now; its row is locked. One never seen is full.
    async fn lock(&self, tx: &SystemTx, now: Timestamp) -> Result<UserBucket, Error> {
        let saved: Bucket =
            sql("INSERT INTO quota_buckets (key, units, refilled_at, concurrency, minute, spent_in_minute) \
             VALUES ($1, $2, $3, $4, date_trunc('minute', $3::timestamptz), 0) \
             ON CONFLICT (key) DO UPDATE SET key = excluded.key \
             RETURNING round(units * 1e6)::bigint AS micro, refilled_at")
            .binds((&self.key, f64::from(self.limit), now, f64::from(Aimd::START)))
            .get_result(tx)
            .await?;
        let saved = SavedBucket { micro: saved.micro, at: saved.refilled_at };
        Ok(UserBucket::restore(self.limit, self.dearest, saved, now))
    }
}

#[async_trait]
impl UserUnits for SharedUnits {
    async fn claim(&self, claim: UnitsClaim) -> Claimed {
        self.take(claim).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a user's quota cannot be claimed now");
            Claimed::Unreachable
        })
    }
}

/// Writes a locked bucket, what of it was spent, and the concurrency felt for, where it is told.
async fn write(
    tx: &SystemTx,
    key: &str,
    saved: SavedBucket,
    spent: i64,
    concurrency: Option<u32>,
) -> Result<(), Error> {
    sql("UPDATE quota_buckets SET units = $2, refilled_at = $3, minute = date_trunc('minute', $3::timestamptz), \
           updated_at = $3, concurrency = coalesce($5, concurrency), spent_in_minute = greatest(0, $4 + CASE WHEN minute = date_trunc('minute', $3::timestamptz) \
             THEN spent_in_minute ELSE 0 END) WHERE key = $1")
    .binds((key, saved.micro as f64 / MICRO, saved.at, spent, concurrency.map(f64::from)))
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets the bucket of an account's Google account, unless another mailbox here is of it too.
pub async fn forget(tx: &SystemTx, connector: ConnectorId) -> Result<(), Error> {
    sql("DELETE FROM quota_buckets WHERE key = (SELECT 'user:' || google_sub FROM mailboxes m \
         WHERE m.connector_id = $1 AND NOT EXISTS ( \
           SELECT FROM mailboxes o WHERE o.google_sub = m.google_sub AND o.connector_id <> m.connector_id))")
    .bind(connector)
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
