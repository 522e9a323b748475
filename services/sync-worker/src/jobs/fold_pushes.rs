//! Folds the waiting pushes of accounts that are not followed into one each.

use std::time::Duration;

use postrider_storage::Error;
use tokio_util::sync::CancellationToken;

use crate::jobs::turn::Turn;
use crate::state::State;
use crate::store::queue;

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(600);
/// Taken again before every batch.
const TURN: Turn = Turn { name: "fold_pushes", lease: Duration::from_secs(300) };
/// Rows in one statement.
const BATCH: usize = 5_000;

/// Folds a batch after the other until nothing is left, unless another replica is at it.
pub async fn run(state: &State, stop: &CancellationToken) -> Result<(), Error> {
    while !stop.is_cancelled() {
        if !TURN.take(state).await? {
            return Ok(());
        }
        let tx = state.db.system().await?;
        let folded = queue::fold(&tx, BATCH).await?;
        tx.commit().await?;
        if folded < BATCH {
            break;
        }
    }
    TURN.end(state).await
}
