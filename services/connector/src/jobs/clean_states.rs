//! Forgets consents that were never ended, with the grants that waited in them, and answers to codes nobody brought again.

use std::time::Duration;

use chrono::TimeDelta;

use crate::error::Error;
use crate::state::State;
use crate::store::{oauth_states, redeemed_codes};

pub const EVERY: Duration = Duration::from_secs(600);
/// Ended ones are kept this long, so that a second use is told from a state that never was in the logs.
const KEEP: TimeDelta = TimeDelta::hours(1);

/// Forgets what is old now. Returns how many.
pub async fn turn(state: &State) -> Result<usize, Error> {
    let tx = state.db.system().await?;
    let now = state.seams.clock.now();
    let states = oauth_states::delete_expired(&tx, now - KEEP).await?;
    let answers = redeemed_codes::delete_expired(&tx, now).await?;
    tx.commit().await?;
    Ok(states + answers)
}
