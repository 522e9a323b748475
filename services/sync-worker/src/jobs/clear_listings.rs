//! Forgets the listings of ended runs, a batch in a transaction of its own: under the lock of the mailbox, where its run
//! ends, half a million rows would hold up pushes for longer than a statement may take.

use std::time::Duration;

use postrider_storage::Error;
use tokio_util::sync::CancellationToken;

use crate::jobs::turn::Turn;
use crate::state::State;
use crate::store::listing;

/// Between two looks for ended runs.
pub const EVERY: Duration = Duration::from_secs(30);
/// Taken again for each lot: it outlasts whatever one of them takes.
const TURN: Turn = Turn { name: "clear_listings", lease: Duration::from_secs(300) };
/// Runs looked up at once.
const RUNS: usize = 50;
/// Rows in one statement.
const BATCH: usize = 5_000;

/// Clears what is left, unless another replica is at it.
pub async fn run(state: &State, stop: &CancellationToken) -> Result<(), Error> {
    loop {
        if !TURN.take(state).await? {
            return Ok(());
        }
        let tx = state.db.system().await?;
        let leftovers = listing::list_leftovers(&tx, RUNS).await?;
        tx.commit().await?;
        let Some(leftover) = leftovers.first() else { break };
        tracing::debug!(run.id = %leftover.run, runs = leftovers.len(), "clearing listings of ended runs");
        for leftover in &leftovers {
            loop {
                if stop.is_cancelled() {
                    return TURN.end(state).await;
                }
                let tx = state.db.tenant(&leftover.tenant).await?;
                let over = listing::clear(&tx, leftover, BATCH).await?;
                tx.commit().await?;
                if over {
                    break;
                }
            }
        }
    }
    TURN.end(state).await
}
