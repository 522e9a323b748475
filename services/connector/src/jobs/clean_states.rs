//! Forgets consents that were never ended, with the grants that waited in them, answers to codes nobody brought again, and
//! connect links long after their end.

use std::time::Duration;

use chrono::TimeDelta;

use crate::error::Error;
use crate::state::State;
use crate::store::{connect_links, oauth_states, redeemed_codes};

pub const EVERY: Duration = Duration::from_secs(600);
/// Ended ones are kept this long, so that a second use is told from a state that never was in the logs.
const KEEP: TimeDelta = TimeDelta::hours(1);
/// Links that ended are kept this long, to say who asked whom for what.
const KEEP_LINKS: TimeDelta = TimeDelta::days(90);

/// Forgets what is old now. Returns how many.
pub async fn turn(state: &State) -> Result<usize, Error> {
    let tx = state.db.system().await?;
    let now = state.seams.clock.now();
    let states = oauth_states::delete_expired(&tx, now - KEEP).await?;
    let answers = redeemed_codes::delete_expired(&tx, now).await?;
    let links = connect_links::delete_expired(&tx, now - KEEP_LINKS).await?;
    tx.commit().await?;
    Ok(states + answers + links)
}
