//! Forgets consents that were never ended, with the grants that waited in them.

use std::time::Duration;

use chrono::TimeDelta;

use crate::error::Error;
use crate::state::State;
use crate::store::oauth_states;

pub const EVERY: Duration = Duration::from_secs(600);
/// Ended ones are kept this long, so that a second use is told from a state that never was in the logs.
const KEEP: TimeDelta = TimeDelta::hours(1);

/// Forgets what is old now. Returns how many.
pub async fn turn(state: &State) -> Result<usize, Error> {
    let tx = state.db.system().await?;
    let gone = oauth_states::delete_expired(&tx, state.seams.clock.now() - KEEP).await?;
    tx.commit().await?;
    Ok(gone)
}
