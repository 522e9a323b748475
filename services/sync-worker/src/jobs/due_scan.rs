//! The due scan: leases what is due as long as there is room, each mailbox in a task of its own. One that fails waits
//! by itself and holds up nobody.

use postrider_runtime::{Schedule, Shutdown, Tasks};

use crate::engine::Engine;

/// Mailboxes leased by one scan.
const MOST: usize = 64;

/// Scans until the soft stop, once a second and whenever a mark was made in this process.
pub fn start(tasks: &Tasks, stop: impl Into<Shutdown>, engine: &Engine) {
    let schedule = Schedule::every(engine.settings().scan_every).woken_by(engine.wakes().scan());
    let args = (engine.clone(), tasks.clone());
    tasks.every("job.due_scan", schedule, stop, move || scan(args.0.clone(), args.1.clone()));
}

async fn scan(engine: Engine, tasks: Tasks) {
    let in_work = engine.wakes().in_work();
    let room = engine.settings().max_mailboxes.saturating_sub(in_work.len());
    engine.metrics().in_work.set(i64::try_from(in_work.len()).unwrap_or(i64::MAX));
    if room == 0 {
        return;
    }
    match engine.acquire_due(&in_work, room.min(MOST)).await {
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
