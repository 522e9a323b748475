//! Forgets the listings of ended runs, a batch in a transaction of its own: under the lock of the mailbox, where its run
//! ends, half a million rows would hold up pushes for longer than a statement may take.

use std::time::Duration;

use postrider_storage::{Error, lease};
use tokio_util::sync::CancellationToken;

use crate::state::State;
use crate::store::listing;

/// Between two looks for ended runs.
pub const EVERY: Duration = Duration::from_secs(30);
/// One replica at a time; one that dies is followed after this.
const LEASE: Duration = Duration::from_secs(300);
/// Its name.
const NAME: &str = "clear_listings";
/// Runs looked up at once.
const RUNS: usize = 50;
/// Rows in one statement.
const BATCH: usize = 5_000;

/// Clears what is left, unless another replica is at it.
pub async fn run(state: &State, stop: &CancellationToken) -> Result<(), Error> {
    loop {
        // Taken again for each lot: the lease outlasts whatever one of them takes.
        let tx = state.db.system().await?;
        if lease::try_acquire(&tx, NAME, &state.replica, LEASE).await?.is_none() {
            return tx.commit().await;
        }
        let leftovers = listing::list_leftovers(&tx, RUNS).await?;
        tx.commit().await?;
        let Some(leftover) = leftovers.first() else { break };
        tracing::debug!(run.id = %leftover.run, runs = leftovers.len(), "clearing listings of ended runs");
        for leftover in &leftovers {
            loop {
                if stop.is_cancelled() {
                    return release(state).await;
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
    release(state).await
}

async fn release(state: &State) -> Result<(), Error> {
    let tx = state.db.system().await?;
    lease::release(&tx, NAME, &state.replica).await?;
    tx.commit().await
}
