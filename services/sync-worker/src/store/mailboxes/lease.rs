//! Holding a mailbox and giving it back. Leases run on the database's clock, due times on the caller's. Taking one is
//! in [`super::due`].

use postrider_domain::{AccountStatus, Timestamp};
use postrider_storage::{Error, TenantTx, row, sql};

use super::Guard;
use crate::rules::words::DueReason;

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

/// Why and when a mailbox is due again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub at: Timestamp,
    pub reason: DueReason,
}

/// How a release ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    Done,
    /// A mark came since `requested` was read: the holder goes on.
    Requested,
    /// The lease is somebody else's.
    Fenced,
}

row! {
    struct Release {
        held: bool,
        done: bool,
    }
}

/// Gives the lease back after work: due again at `next`, or earlier for a parked message, an early look, a run that waits.
/// Refused when a mark came after `requested` was read, so that no push is swallowed.
pub async fn release(tx: &mut TenantTx, guard: &Guard, requested: i64, next: Option<Due>) -> Result<Released, Error> {
    let release: Release = sql("WITH held AS ( \
           SELECT connector_id, requested, status FROM mailboxes WHERE connector_id = $2 AND epoch = $3 FOR NO KEY UPDATE), \
         candidate AS ( \
           SELECT $5::timestamptz AS at, $6::text AS reason WHERE $5::timestamptz IS NOT NULL \
           UNION ALL SELECT min(next_attempt_at), 'retry' FROM parked_changes \
             WHERE tenant = $1 AND connector_id = $2 \
           UNION ALL SELECT min(next_look_at), 'early_push' FROM notification_queue \
             WHERE tenant = $1 AND connector_id = $2 AND status = 'pending' \
           UNION ALL SELECT min(not_before), 'backfill' FROM sync_runs \
             WHERE tenant = $1 AND connector_id = $2 AND state IN ('listing', 'fetching', 'confirming')), \
         next AS (SELECT at, reason FROM candidate WHERE at IS NOT NULL ORDER BY at LIMIT 1), \
         done AS ( \
           UPDATE mailboxes m SET lease_owner = NULL, lease_until = NULL, \
             due_at = CASE WHEN m.status = 'active' THEN (SELECT at FROM next) END, \
             due_reason = coalesce((SELECT reason FROM next), '') \
           FROM held WHERE m.connector_id = held.connector_id AND held.requested = $4 RETURNING 1) \
         SELECT EXISTS (SELECT 1 FROM held) AS held, EXISTS (SELECT 1 FROM done) AS done")
    .binds((&guard.tenant, guard.connector, guard.epoch, requested))
    .binds((next.map(|due| due.at), next.map(|due| due.reason)))
    .get_result(tx)
    .await?;
    Ok(match (release.held, release.done) {
        (false, _) => Released::Fenced,
        (true, true) => Released::Done,
        (true, false) => Released::Requested,
    })
}

/// Gives the lease back with work left: due at the given time, or when a mark that came after `requested` was read says.
/// Used at a stop and when a slice is over.
pub async fn yield_lease(tx: &mut TenantTx, guard: &Guard, requested: i64, due: Due) -> Result<(), Error> {
    sql("UPDATE mailboxes SET lease_owner = NULL, lease_until = NULL, \
           due_at = CASE WHEN requested = $5 THEN $3 ELSE least(due_at, $3) END, \
           due_reason = CASE WHEN requested = $5 OR due_at >= $3 THEN $4 ELSE due_reason END \
         WHERE connector_id = $1 AND epoch = $2")
    .binds((guard.connector, guard.epoch, due.at, due.reason, requested))
    .execute(tx)
    .await?;
    Ok(())
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
    sql("UPDATE mailboxes SET lease_owner = NULL, lease_until = NULL, due_at = least(due_at, $6), \
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
