//! Forgets what is older than its use: changes and settled pushes after 30 days. One replica a day.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_runtime::Shutdown;

use crate::state::State;
use crate::store::{changes, queue};

/// How long changes and settled pushes are kept.
const KEEP: TimeDelta = TimeDelta::days(30);
/// Rows in one statement.
const BATCH: usize = 5_000;
const EVERY: Duration = Duration::from_secs(3_600);
/// The lease outlasts the pause: the next replica to look finds the work done.
const LEASE: Duration = Duration::from_secs(23 * 3_600);

/// Runs until the soft stop.
pub async fn run(state: State, stop: Shutdown) -> anyhow::Result<()> {
    loop {
        let mut tx = state.db.system().await?;
        let held = postrider_storage::lease::try_acquire(&mut tx, "clean_up", &state.replica, LEASE).await?;
        tx.commit().await?;
        if held.is_some() {
            let before = state.seams.clock.now() - KEEP;
            while !stop.soft.is_cancelled() {
                let mut tx = state.db.system().await?;
                let gone =
                    changes::forget(&mut tx, before, BATCH).await? + queue::forget(&mut tx, before, BATCH).await?;
                tx.commit().await?;
                if gone == 0 {
                    break;
                }
            }
        }
        tokio::select! {
            () = stop.soft.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
