//! Tells metrics what waits, across all mailboxes. Every replica tells the same.

use std::time::Duration;

use postrider_storage::Error;

use crate::state::State;
use crate::store::mailboxes::measures;

/// Between two measures.
pub const EVERY: Duration = Duration::from_secs(15);

/// Measures once.
pub async fn run(state: &State) -> Result<(), Error> {
    let now = state.seams.clock.now();
    let tx = state.db.system().await?;
    let waiting = measures::waiting(&tx, now).await?;
    tx.commit().await?;
    state.metrics.oldest_due.set(waiting.due_since.map_or(0, |since| (now - since).num_seconds().max(0)));
    state.metrics.pushes_waiting.set(waiting.pushes);
    Ok(())
}
