//! What a mailbox waits for, and the release that writes when it is due again.

use postrider_domain::Timestamp;
use postrider_storage::{Error, TenantTx, row, sql};

use super::mailboxes::Guard;
use crate::rules::due::Due;

row! {
    /// What the rows of a mailbox say about its next look.
    #[derive(Debug, Clone)]
    pub struct Waiting {
        /// Marks so far.
        pub requested: i64,
        pub monitored: bool,
        pub poll_interval_seconds: i32,
        pub push_until: Option<Timestamp>,
        pub parked: Option<Timestamp>,
        pub early_push: Option<Timestamp>,
        pub run: Option<Timestamp>,
    }
}

/// Reads it, if the lease still has this epoch.
pub async fn find(tx: &TenantTx, guard: &Guard) -> Result<Option<Waiting>, Error> {
    sql("SELECT m.requested, m.monitored, m.poll_interval_seconds, \
           CASE WHEN m.watch_type = 'push' THEN m.watch_expires_at END AS push_until, \
           (SELECT min(next_attempt_at) FROM parked_changes WHERE tenant = $1 AND connector_id = $2) AS parked, \
           (SELECT min(next_look_at) FROM notification_queue WHERE tenant = $1 AND connector_id = $2 \
             AND status IN ('pending', 'processing')) AS early_push, \
           (SELECT min(not_before) FROM sync_runs WHERE tenant = $1 AND connector_id = $2 \
             AND state IN ('listing', 'fetching', 'confirming')) AS run \
         FROM mailboxes m WHERE m.connector_id = $2 AND m.epoch = $3")
    .binds((&guard.tenant, guard.connector, guard.epoch))
    .optional(tx)
    .await
}

/// Gives the lease back: due again at `due`. A mark that came after `seen` was read keeps its own, earlier time; unless
/// `even_if_marked`, it refuses the release, so that no push is swallowed. Returns whether the lease was given back.
pub async fn release(
    tx: &TenantTx,
    guard: &Guard,
    seen: i64,
    due: Option<Due>,
    even_if_marked: bool,
) -> Result<bool, Error> {
    let released = sql("UPDATE mailboxes SET lease_owner = NULL, lease_until = NULL, \
           due_at = CASE WHEN status <> 'active' THEN NULL WHEN requested = $3 THEN $4 ELSE least(due_at, $4) END, \
           due_reason = CASE WHEN requested = $3 OR due_at >= $4 THEN coalesce($5, '') ELSE due_reason END \
         WHERE connector_id = $1 AND epoch = $2 AND (requested = $3 OR $6)")
    .binds((guard.connector, guard.epoch, seen, due.map(|due| due.at), due.map(|due| due.reason), even_if_marked))
    .execute(tx)
    .await?;
    Ok(released > 0)
}
