//! Has every mirror compared with all of its mailbox once a day: by a listing of ids (5 units for 500), in a run of its own
//! that fetches what is missing and asks about what is too much. Any replica queues it, and only one.

use std::time::Duration;

use postrider_domain::RunId;
use postrider_storage::Error;
use tokio_util::sync::CancellationToken;

use crate::rules::due::next_audit;
use crate::state::State;
use crate::store::mailboxes::audits;
use crate::store::runs;

/// Between two looks for mailboxes whose day has come.
pub const EVERY: Duration = Duration::from_secs(60);
/// Mailboxes in one transaction, and transactions in one turn: a few thousand begin in a minute at most.
const BATCH: usize = 100;
const TURN: usize = 20;

/// Queues the audits that are due.
pub async fn run(state: &State, stop: &CancellationToken) -> Result<(), Error> {
    for _ in 0..TURN {
        if stop.is_cancelled() || !queue(state).await? {
            break;
        }
    }
    Ok(())
}

/// Queues some. Returns whether there may be more.
async fn queue(state: &State) -> Result<bool, Error> {
    let now = state.seams.clock.now();
    let next = next_audit(now, state.seams.entropy.unit());
    let tx = state.db.system().await?;
    let due = audits::claim(&tx, now, next, BATCH).await?;
    let Some(first) = due.first() else {
        tx.commit().await?;
        return Ok(false);
    };
    let mut tx = tx.into_tenant(&first.tenant).await?;
    let mut queued = Vec::with_capacity(due.len());
    for mailbox in &due {
        tx = tx.into_tenant(&mailbox.tenant).await?;
        let id = RunId(state.seams.ids.uuid());
        if runs::schedule_audit(&tx, &mailbox.tenant, mailbox.connector, id, now).await? {
            queued.push(mailbox.connector);
        }
    }
    tx.commit().await?;
    tracing::info!(audits = queued.len(), due = due.len(), "mirrors are to be compared with their mailboxes");
    state.engine.wakes().marked(&queued);
    Ok(due.len() == BATCH)
}
