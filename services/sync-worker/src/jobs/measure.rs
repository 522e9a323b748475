//! Tells metrics what waits, across all mailboxes. Every replica tells the same.

use std::time::Duration;

use postrider_storage::Error;

use crate::state::State;
use crate::store::mailboxes::measures::{self, Cursor};

/// Between two measures.
pub const EVERY: Duration = Duration::from_secs(15);

/// Measures once.
pub async fn run(state: &State) -> Result<(), Error> {
    let now = state.seams.clock.now();
    let tx = state.db.system().await?;
    let waiting = measures::waiting(&tx, now).await?;
    let cursors = match &state.metrics.cursors {
        Some(_) => measures::cursors(&tx).await?,
        None => Vec::new(),
    };
    tx.commit().await?;
    if let Some(gauges) = &state.metrics.cursors {
        // Accounts that have ended are not told any more.
        gauges.reset();
        for Cursor { connector, cursor } in cursors {
            let id = i64::try_from(cursor.0).unwrap_or(i64::MAX);
            gauges.with_label_values(&[connector.to_string().as_str()]).set(id);
        }
    }
    state.metrics.oldest_due.set(waiting.due_since.map_or(0, |since| (now - since).num_seconds().max(0)));
    state.metrics.pushes_waiting.set(waiting.pushes);
    Ok(())
}
