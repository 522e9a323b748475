//! `quota_slices`: the counter of the project's quota that all replicas share.

use async_trait::async_trait;
use postrider_gmail::quota::{Slice, SliceStore};
use postrider_storage::{Db, Error, SystemTx, row, sql};

/// Slices kept: more than the clocks of two replicas differ by.
const KEPT: i64 = 240;

/// [`SliceStore`] in `quota_slices`.
pub struct SharedSlices {
    db: Db,
}

impl SharedSlices {
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl SliceStore for SharedSlices {
    async fn claim(&self, slice: Slice, units: u32, cap: u32) -> u32 {
        let claimed = async {
            let mut tx = self.db.system().await?;
            let granted = claim(&mut tx, slice, units, cap).await?;
            tx.commit().await?;
            Ok::<_, Error>(granted)
        };
        claimed.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "no quota was claimed: the next slice is asked for");
            0
        })
    }
}

row! {
    struct Grant {
        granted: i64,
        taken: i64,
    }
}

/// Adds up to `units` without going above `cap`; the row is the lock. Forgets slices long over.
async fn claim(tx: &mut SystemTx, slice: Slice, units: u32, cap: u32) -> Result<u32, Error> {
    let grant: Grant = sql("INSERT INTO quota_slices AS s (slice, taken, granted) \
         VALUES ($1, least($2::bigint, $3::bigint), least($2, $3)) \
         ON CONFLICT (slice) DO UPDATE SET granted = greatest(0, least($2, $3 - s.taken)), \
           taken = s.taken + greatest(0, least($2, $3 - s.taken)) \
         RETURNING granted, taken")
    .binds((slice.0, i64::from(units), i64::from(cap)))
    .get_result(tx)
    .await?;
    // The first claim of a slice cleans up.
    if grant.granted == grant.taken {
        sql("DELETE FROM quota_slices WHERE slice IN ( \
               SELECT slice FROM quota_slices WHERE slice < $1 FOR UPDATE SKIP LOCKED)")
        .bind(slice.0 - KEPT)
        .execute(tx)
        .await?;
    }
    Ok(u32::try_from(grant.granted).unwrap_or(0))
}
