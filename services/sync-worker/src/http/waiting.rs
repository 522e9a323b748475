//! Waiting for runs that a request asked for.

use std::time::Duration;

use postrider_domain::RunId;
use postrider_web::{Caller, Problem, Scope};
use tokio::time::Instant;

use super::accounts::ids;
use super::api::{Api, problem};
use crate::store::runs::{self, Run};

/// How long a request waits for its runs before it answers without them.
const WAIT: Duration = Duration::from_secs(30);
/// The first look comes after this, and each next one after twice as long, up to [`LOOK_MOST`]: most runs end at once, and
/// those that do not are not worth five transactions a second.
const LOOK: Duration = Duration::from_millis(100);
/// Longest time between two looks.
const LOOK_MOST: Duration = Duration::from_secs(2);

/// The runs, once all of them are over; as they are when the wait is.
pub async fn wait(api: &Api, caller: &Caller, wanted: &[RunId]) -> Result<Vec<Run>, Problem> {
    let deadline = Instant::now() + WAIT;
    let mut pause = LOOK;
    loop {
        tokio::time::sleep(pause).await;
        // Who may ask for a run may see its end: no other scope is wanted for the answer.
        let (tx, accounts) = api.open(caller, Scope::Write).await?;
        let covered = ids(&accounts.covered(None, None)?);
        let mut rows = Vec::with_capacity(wanted.len());
        for run in wanted {
            rows.extend(runs::find(&tx, &covered, *run).await.map_err(problem)?);
        }
        tx.commit().await.map_err(problem)?;
        if rows.iter().all(|run| run.state.is_over()) || Instant::now() >= deadline {
            return Ok(rows);
        }
        pause = pause.saturating_mul(2).min(LOOK_MOST);
    }
}
