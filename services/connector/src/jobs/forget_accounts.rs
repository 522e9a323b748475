//! Forgets the Google accounts that only erased connectors still hang on, once their grant and watch were given back. The
//! row stays, without address and `sub`.

use std::time::Duration;

use crate::error::Error;
use crate::state::State;
use crate::store::google_accounts;

/// A grant that cannot be given back is tried for a day; usually it is gone in seconds.
pub const EVERY: Duration = Duration::from_secs(60);
const BATCH: i64 = 64;

/// Forgets what can be forgotten now. Returns how many accounts that were.
pub async fn turn(state: &State) -> Result<usize, Error> {
    let tx = state.db.system().await?;
    let found = google_accounts::forgettable(&tx, BATCH).await?;
    tx.commit().await?;
    let mut forgotten = 0;
    for id in found {
        let tx = state.db.system().await?;
        // Whoever connects the account locks it first: what is decided next is decided after them, or before.
        google_accounts::lock(&tx, id).await?;
        forgotten += usize::from(google_accounts::forget(&tx, id).await?);
        tx.commit().await?;
    }
    Ok(forgotten)
}
