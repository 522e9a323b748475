//! Closes digests whose period is over: each by one replica, which claims its schedule.

use futures_util::StreamExt as _;
use futures_util::stream;
use postrider_storage::{Db, Error};

use crate::actions::Actions;
use crate::digests::close;
use crate::store::digests;

/// Claimed in one go.
const BATCH: i64 = 100;
/// Closed at once: a part of the pool's connections.
const AT_ONCE: usize = 4;

/// Works off what is due now. One that fails is claimed again a minute later and holds nobody up.
pub async fn close_digests(db: &Db, actions: &Actions) -> Result<(), Error> {
    loop {
        let tx = db.system().await?;
        let due = digests::claim(&tx, actions.now(), BATCH).await?;
        tx.commit().await?;
        if due.is_empty() {
            return Ok(());
        }
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, |one| async move {
                if let Err(error) = close(db, actions, &one).await {
                    tracing::warn!(%error, "a digest could not be closed");
                }
            })
            .await;
    }
}
