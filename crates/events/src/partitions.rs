//! Housekeeping of the shared tables.

use diesel::sql_types::Integer;

use postrider_storage::db::Db;
use postrider_storage::error::Error;
use postrider_storage::statement::sql;

/// Days outbox rows are kept: a consumer that was away this long still finds what it missed (law 7).
pub const OUTBOX_DAYS: i32 = 7;
/// Days the inbox remembers: longer than the outbox can bring anything back.
pub const INBOX_DAYS: i32 = 14;
/// Days of partitions made ahead.
const AHEAD_DAYS: i32 = 3;

/// Makes coming partitions and drops old ones. Safe with many replicas; run it at start and hourly.
pub async fn maintain_partitions(db: &Db) -> Result<(), Error> {
    let tx = db.system().await?;
    sql("SELECT ensure_partitions($1), drop_partitions($2, $3)")
        .bind_as::<Integer, _>(AHEAD_DAYS)
        .bind_as::<Integer, _>(OUTBOX_DAYS)
        .bind_as::<Integer, _>(INBOX_DAYS)
        .execute(&tx)
        .await?;
    tx.commit().await
}
