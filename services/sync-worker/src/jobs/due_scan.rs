//! The due scan: leases what is due as long as there is room, each mailbox in a task of its own. One that fails waits
//! by itself and holds up nobody.

use postrider_runtime::Tasks;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

/// Scans until `stop`, once a second and whenever a mark was made in this process.
pub async fn run(engine: Engine, tasks: Tasks, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let in_work = engine.wakes().in_work();
        let room = engine.settings().max_mailboxes.saturating_sub(in_work.len());
        engine.metrics().in_work.set(i64::try_from(in_work.len()).unwrap_or(i64::MAX));
        if room > 0 {
            match engine.acquire_due(&in_work, room.min(64)).await {
                Ok(leased) => {
                    for mailbox in leased {
                        let engine = engine.clone();
                        // The failure is written to the mailbox's row and told there.
                        tasks.spawn("mailbox", async move { drop(engine.work(mailbox).await) });
                    }
                }
                Err(error) => tracing::warn!(%error, "due scan failed"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = engine.wakes().scan_wanted() => {}
            () = tokio::time::sleep(engine.settings().scan_every) => {}
        }
    }
}
