//! Makes coming day partitions of outbox and inbox and drops old ones.

use std::time::Duration;

use postrider_runtime::Shutdown;
use postrider_storage::Db;

const EVERY: Duration = Duration::from_secs(3_600);

/// Runs until the soft stop.
pub async fn run(db: Db, stop: Shutdown) -> anyhow::Result<()> {
    loop {
        postrider_events::partitions::maintain_partitions(&db).await?;
        tokio::select! {
            () = stop.soft.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
