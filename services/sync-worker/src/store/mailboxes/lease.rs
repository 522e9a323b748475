//! Holding a mailbox and giving it back. Leases run on the database's clock, due times on the caller's. Taking one is
//! in [`super::due`].

use postrider_domain::{AccountStatus, HistoryId, Timestamp};
use postrider_storage::{Error, TenantTx, row, sql};

use super::Guard;
use crate::rules::due::Due;

/// How long a lease lasts without a heartbeat, in seconds.
pub const LEASE_SECONDS: f64 = 30.0;

/// Extends the lease; `false` when somebody else holds it.
pub async fn renew(tx: &mut TenantTx, guard: &Guard) -> Result<bool, Error> {
    let renewed = sql("UPDATE mailboxes SET lease_until = clock_timestamp() + make_interval(secs => $3) \
         WHERE connector_id = $1 AND epoch = $2")
    .binds((guard.connector, guard.epoch, LEASE_SECONDS))
    .execute(tx)
    .await?;
    Ok(renewed > 0)
}

row! {
    /// What the rows of a mailbox say about its next look.
    #[derive(Debug, Clone)]
    pub struct Waiting {
        /// Marks so far.
        pub requested: i64,
        pub monitored: bool,
        pub poll_interval_seconds: i32,
        pub push_until: Option<Timestamp>,
        /// Somebody asked for a run.
        pub asked: bool,
        pub pushed_at: Option<Timestamp>,
        pub pushed_id: HistoryId,
        pub entry_at: Option<Timestamp>,
        pub cursor: Option<HistoryId>,
        pub caught_up_at: Option<Timestamp>,
        pub look_back: Option<Timestamp>,
        pub parked: Option<Timestamp>,
        pub run: Option<Timestamp>,
    }
}

/// What the mailbox waits for, if the lease still has this epoch.
pub async fn find_waiting(tx: &TenantTx, guard: &Guard) -> Result<Option<Waiting>, Error> {
    sql("SELECT m.requested, m.monitored, m.poll_interval_seconds, \
           CASE WHEN m.watch_type = 'push' THEN m.watch_expires_at END AS push_until, \
           (SELECT min(next_attempt_at) FROM parked_changes WHERE tenant = $1 AND connector_id = $2) AS parked, \
           m.last_pushed_at AS pushed_at, m.pushed_id, m.last_entry_at AS entry_at, m.cursor, m.caught_up_at, \
           m.look_back_at AS look_back, \
           EXISTS (SELECT FROM sync_runs WHERE tenant = $1 AND connector_id = $2 AND state = 'queued') AS asked, \
           (SELECT not_before FROM sync_runs WHERE tenant = $1 AND connector_id = $2 AND kind <> 'incremental' \
             AND state IN ('queued', 'listing', 'fetching', 'confirming') ORDER BY state = 'queued', created_at LIMIT 1) \
             AS run \
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

/// Gives the lease back after a failure: still due, but not before the given time.
pub async fn fail(
    tx: &mut TenantTx,
    guard: &Guard,
    error: &str,
    attempts: i32,
    not_before: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    sql("UPDATE mailboxes SET lease_owner = NULL, lease_until = NULL, due_at = CASE WHEN status = 'active' THEN least(due_at, $6) END, \
           due_reason = 'retry', attempts = $4, last_error = $3, last_error_at = $6, not_before = $5, updated_at = $6 \
         WHERE connector_id = $1 AND epoch = $2")
    .binds((guard.connector, guard.epoch, error, attempts, not_before, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives the lease back and ends the work until connector says something newer (grant gone, paused, disconnected).
/// `false` when connector has said something newer since the lease was taken: what was refused may be allowed by now.
pub async fn park(
    tx: &mut TenantTx,
    guard: &Guard,
    status: AccountStatus,
    reason: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let parked = sql(
        "UPDATE mailboxes SET lease_owner = NULL, lease_until = NULL, due_at = NULL, due_reason = '', status = $3, \
           status_reason = $4, last_error = $4, last_error_at = $5, updated_at = $5 \
         WHERE connector_id = $1 AND epoch = $2 AND status = 'active' AND connector_version = $6",
    )
    .binds((guard.connector, guard.epoch, status, reason, now, guard.version))
    .execute(tx)
    .await?;
    Ok(parked > 0)
}
