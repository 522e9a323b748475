//! Makes coming day partitions of outbox and inbox and drops old ones.

use std::time::Duration;

use postrider_storage::{Db, Error};
use tokio_util::sync::CancellationToken;

/// At once, and then every `every`.
pub async fn run(db: Db, every: Duration, stop: CancellationToken) -> Result<(), Error> {
    loop {
        postrider_events::partitions::maintain_partitions(&db).await?;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(every) => {}
        }
    }
}
