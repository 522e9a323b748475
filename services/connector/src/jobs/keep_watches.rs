//! Starts, renews and stops Google's watches when their rows say so, and finds the ones that lapsed or fell silent.

use std::time::Duration;

use futures_util::StreamExt;

use crate::actions::watch::keep;
use crate::error::Error;
use crate::state::State;
use crate::store::google_accounts::{self, Account};

/// How often the rows are looked at when nobody wakes the job.
pub const EVERY: Duration = Duration::from_secs(2);
/// Accounts taken at once, and calls under way at once.
const BATCH: i64 = 16;
const PARALLEL: usize = 4;

/// Works off what is due now. Returns how many accounts were looked at.
pub async fn turn(state: &State) -> Result<usize, Error> {
    keep::mark_lapsed(state).await?;
    keep::mark_silent(state).await?;
    if state.google.is_none() {
        return Ok(0);
    }
    let mut done = 0;
    loop {
        let tx = state.db.system().await?;
        let due = google_accounts::watch::claim(&tx, state.seams.clock.now(), BATCH).await?;
        tx.commit().await?;
        if due.is_empty() {
            return Ok(done);
        }
        done += due.len();
        futures_util::stream::iter(due)
            .for_each_concurrent(PARALLEL, |account| async move { one(state, &account).await })
            .await;
    }
}

async fn one(state: &State, account: &Account) {
    let result =
        if account.watch_wanted { keep::start(state, account).await } else { keep::stop(state, account).await };
    if let Err(error) = result {
        tracing::warn!(account.id = %account.id, %error, "the watch of account {} cannot be set now", account.id);
    }
}
