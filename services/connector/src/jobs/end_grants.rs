//! Gives grants back to Google that nobody uses any more.

use std::time::Duration;

use crate::actions::end_grant::end_grant;
use crate::error::Error;
use crate::state::State;
use crate::store::grant_endings;

/// How often the rows are looked at when nobody wakes the job.
pub const EVERY: Duration = Duration::from_secs(5);
const BATCH: i64 = 16;

/// Works off what is due now. Returns how many.
pub async fn turn(state: &State) -> Result<usize, Error> {
    if state.google.is_none() {
        return Ok(0);
    }
    let mut done = 0;
    loop {
        let tx = state.db.system().await?;
        let due = grant_endings::claim(&tx, state.seams.clock.now(), BATCH).await?;
        tx.commit().await?;
        if due.is_empty() {
            return Ok(done);
        }
        done += due.len();
        for ending in &due {
            end_grant(state, ending).await?;
        }
    }
}
