//! Housekeeping of the shared tables.

use std::time::Duration;

use postrider_runtime::{Shutdown, Tasks};
use postrider_storage::{Db, Error, sql};

/// Days outbox rows are kept: a consumer that was away this long still finds what it missed (law 7).
pub const OUTBOX_DAYS: i32 = 7;
/// Days the inbox remembers: longer than the outbox can bring anything back.
pub const INBOX_DAYS: i32 = 14;
/// Days of partitions made ahead.
const AHEAD_DAYS: i32 = 3;

const EVERY: Duration = Duration::from_secs(3_600);

/// Starts the job that makes coming partitions and drops old ones: at the start and hourly, in every replica.
pub fn keep(tasks: &Tasks, shutdown: &Shutdown, db: &Db) {
    let db = db.clone();
    tasks.every("job.partitions", EVERY, shutdown, move || {
        let db = db.clone();
        async move { maintain(&db).await }
    });
}

/// Makes coming partitions and drops old ones. Safe with many replicas.
pub async fn maintain(db: &Db) -> Result<(), Error> {
    let tx = db.system().await?;
    sql("SELECT ensure_partitions($1), drop_partitions($2, $3)")
        .binds((AHEAD_DAYS, OUTBOX_DAYS, INBOX_DAYS))
        .execute(&tx)
        .await?;
    tx.commit().await
}
