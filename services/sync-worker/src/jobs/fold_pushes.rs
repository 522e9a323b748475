//! Folds the waiting pushes of accounts that are not followed into one each.

use std::time::Duration;

use postrider_storage::{Error, lease};
use tokio_util::sync::CancellationToken;

use crate::state::State;
use crate::store::queue;

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(600);
/// One replica at a time; one that dies is followed after this.
const LEASE: Duration = Duration::from_secs(300);
/// Its name.
const NAME: &str = "fold_pushes";
/// Rows in one statement.
const BATCH: usize = 5_000;

/// Folds a batch after the other until nothing is left, unless another replica is at it.
pub async fn run(state: &State, stop: &CancellationToken) -> Result<(), Error> {
    while !stop.is_cancelled() {
        let tx = state.db.system().await?;
        if lease::try_acquire(&tx, NAME, &state.replica, LEASE).await?.is_none() {
            return tx.commit().await;
        }
        let folded = queue::fold(&tx, BATCH).await?;
        tx.commit().await?;
        if folded < BATCH {
            break;
        }
    }
    let tx = state.db.system().await?;
    lease::release(&tx, NAME, &state.replica).await?;
    tx.commit().await
}
