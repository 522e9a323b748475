//! Makes tombstones of deleted mails that were kept long enough and that nobody holds on to, and of drafts that another took
//! the place of: of an hour of saving, one source stays. One replica at a time, some mails in a transaction.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_storage::Error;
use tokio_util::sync::CancellationToken;

use crate::jobs::turn::Turn;
use crate::state::State;
use crate::store::mailboxes;
use crate::store::retention::{self, Kept};

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(3_600);
/// Taken again before every batch.
const TURN: Turn = Turn { name: "retain", lease: Duration::from_secs(60) };
/// Mailboxes looked up at once, and mails in one transaction.
const MAILBOXES: usize = 200;
const MAILS: usize = 100;

/// Looks through all mailboxes, unless another replica is at it.
pub async fn run(state: &State, keep: TimeDelta, stop: &CancellationToken) -> Result<(), Error> {
    let mut after = None;
    loop {
        if !TURN.take(state).await? {
            return Ok(());
        }
        let tx = state.db.system().await?;
        let mailboxes = retention::list_mailboxes(&tx, after, MAILBOXES).await?;
        tx.commit().await?;
        let Some(last) = mailboxes.last() else { break };
        after = Some(last.connector);
        for mailbox in mailboxes {
            while batch(state, &mailbox, keep).await? {
                if stop.is_cancelled() || !TURN.take(state).await? {
                    return Ok(());
                }
            }
        }
    }
    TURN.end(state).await
}

/// Some mails of one mailbox. Returns whether there may be more.
async fn batch(state: &State, mailbox: &Kept, keep: TimeDelta) -> Result<bool, Error> {
    let now = state.seams.clock.now();
    let tx = state.db.tenant(&mailbox.tenant).await?;
    let held = mailboxes::hold(&tx, mailbox.connector).await?;
    let buried = if held { retention::bury(&tx, mailbox, now - keep, MAILS, now).await? } else { 0 };
    tx.commit().await?;
    Ok(buried == MAILS)
}
