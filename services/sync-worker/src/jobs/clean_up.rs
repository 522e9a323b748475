//! Forgets what is older than its use: changes and settled pushes after 30 days, ended runs after 90. One replica a day.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_storage::Error;
use tokio_util::sync::CancellationToken;

use crate::jobs::turn::Turn;
use crate::state::State;
use crate::store::{changes, queue, runs};

/// How often a replica looks whether it is to do it.
pub const EVERY: Duration = Duration::from_secs(3_600);
/// How long changes and settled pushes are kept.
const KEEP: TimeDelta = TimeDelta::days(30);
/// How long ended runs are kept.
const KEEP_RUNS: TimeDelta = TimeDelta::days(90);
/// Rows in one statement.
const BATCH: usize = 5_000;
/// It outlasts the pause: the next replica to look finds the work done.
const TURN: Turn = Turn { name: "clean_up", lease: Duration::from_secs(23 * 3_600) };

/// Forgets a batch after the other until nothing is left, if no other replica did so today.
pub async fn run(state: &State, stop: &CancellationToken) -> Result<(), Error> {
    if !TURN.take(state).await? {
        return Ok(());
    }
    let forgotten = forget(state, stop).await;
    if forgotten.is_err() {
        // Not done: the next replica to look does it.
        TURN.end(state).await?;
    }
    forgotten
}

async fn forget(state: &State, stop: &CancellationToken) -> Result<(), Error> {
    let now = state.seams.clock.now();
    while !stop.is_cancelled() {
        let mut tx = state.db.system().await?;
        let forgotten = changes::forget(&mut tx, now - KEEP, BATCH).await?
            + queue::forget(&mut tx, now - KEEP, BATCH).await?
            + runs::forget(&mut tx, now - KEEP_RUNS, BATCH).await?;
        tx.commit().await?;
        if forgotten == 0 {
            break;
        }
    }
    Ok(())
}
