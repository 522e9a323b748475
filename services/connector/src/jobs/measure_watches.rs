//! Tells metrics when the first of the watches runs out. Every replica tells the same.

use std::time::Duration;

use crate::error::Error;
use crate::state::State;
use crate::store::google_accounts;

/// Between two measures.
pub const EVERY: Duration = Duration::from_secs(30);

/// Measures once. Returns whether a watch runs, as a count.
pub async fn turn(state: &State) -> Result<usize, Error> {
    let tx = state.db.system().await?;
    let soonest = google_accounts::watch::soonest_expiry(&tx).await?;
    tx.commit().await?;
    state.metrics.watch_expiry.set(soonest.map_or(0, |at| at.timestamp()));
    Ok(usize::from(soonest.is_some()))
}
