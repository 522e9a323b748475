//! `quota_days`: what all replicas spent of the project's day.

use async_trait::async_trait;
use postrider_domain::Timestamp;
use postrider_gmail::quota::{Day, DayState, DayStore, RefusedUntil};
use postrider_storage::{Db, Error, SystemTx, row, sql};

/// Days kept.
const KEPT: i64 = 40;

/// [`DayStore`] in `quota_days`.
pub struct SharedDays {
    db: Db,
}

impl SharedDays {
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl DayStore for SharedDays {
    async fn add(&self, day: Day, spent: u64, refused: RefusedUntil) -> Option<DayState> {
        let added = async {
            let tx = self.db.system().await?;
            let state = add(&tx, day, spent, refused).await?;
            tx.commit().await?;
            Ok::<_, Error>(state)
        };
        added.await.inspect_err(|error| tracing::warn!(%error, "the project's day cannot be counted now")).ok()
    }
}

row! {
    struct Row {
        spent: i64,
        refused_until: Option<Timestamp>,
        live_refused_until: Option<Timestamp>,
        is_new: bool,
    }
}

/// Adds to a day. The first of a day forgets days long over.
async fn add(tx: &SystemTx, day: Day, spent: u64, refused: RefusedUntil) -> Result<DayState, Error> {
    let row: Row = sql("INSERT INTO quota_days AS d (day, spent, refused_until, live_refused_until) \
         VALUES ($1, $2, $3, $4) \
         ON CONFLICT (day) DO UPDATE SET spent = d.spent + excluded.spent, \
           refused_until = greatest(d.refused_until, excluded.refused_until), \
           live_refused_until = greatest(d.live_refused_until, excluded.live_refused_until) \
         RETURNING spent, refused_until, live_refused_until, xmax = 0 AS is_new")
    .binds((day.0, i64::try_from(spent).unwrap_or(i64::MAX), refused.work, refused.live))
    .get_result(tx)
    .await?;
    if row.is_new {
        sql("DELETE FROM quota_days WHERE day < $1").bind(day.0 - KEPT).execute(tx).await?;
    }
    let refused = RefusedUntil { work: row.refused_until, live: row.live_refused_until };
    Ok(DayState { spent: u64::try_from(row.spent).unwrap_or(0), refused })
}
