//! Due scan, lease, heartbeat and release of mailboxes. Leases run on the database's clock, due times on the caller's.

use postrider_domain::{ConnectorId, Timestamp};
use postrider_storage::types::{Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use super::mailboxes::{Guard, Mailbox, Row, mailbox_columns};

/// How long a lease lasts without a heartbeat, in seconds.
pub const LEASE_SECONDS: f64 = 30.0;

/// A mailbox that was just leased.
#[derive(Debug, Clone)]
pub struct Leased {
    pub mailbox: Mailbox,
    /// Taken from a holder who never released it: nobody knows what that one spent.
    pub stolen: bool,
}

#[derive(QueryableByName)]
struct LeasedRow {
    #[diesel(embed)]
    mailbox: Row,
    #[diesel(sql_type = Bool)]
    stolen: bool,
}

impl LeasedRow {
    fn read(self) -> Result<Leased, Error> {
        Ok(Leased { mailbox: self.mailbox.try_into()?, stolen: self.stolen })
    }
}

/// Takes the due mailboxes that nobody holds and that `$more` leaves: $1 owner, $2 now, $3 seconds, $4… are `$more`'s.
macro_rules! take_due {
    ($more:literal) => {
        concat!(
            "WITH due AS ( \
               SELECT connector_id, lease_until IS NOT NULL AS stolen FROM mailboxes \
               WHERE due_at <= $2 AND (not_before IS NULL OR not_before <= $2) AND status = 'active' \
                 AND (lease_until IS NULL OR lease_until < clock_timestamp()) ",
            $more,
            " FOR NO KEY UPDATE SKIP LOCKED) \
             UPDATE mailboxes m SET epoch = m.epoch + 1, lease_owner = $1, \
               lease_until = clock_timestamp() + make_interval(secs => $3) \
             FROM due WHERE m.connector_id = due.connector_id RETURNING ",
            mailbox_columns!(),
            ", due.stolen"
        )
    };
}

/// Takes up to `limit` due mailboxes that nobody holds, longest due first. `not` are those this replica works on
/// already.
pub async fn acquire_due(
    tx: &mut Tx,
    owner: &str,
    not: &[ConnectorId],
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Leased>, Error> {
    sql(take_due!("AND connector_id <> ALL ($4) ORDER BY due_at LIMIT $5"))
        .bind_as::<Text, _>(owner)
        .bind_as::<Timestamptz, _>(now)
        .bind_as::<Double, _>(LEASE_SECONDS)
        .bind_as::<Array<SqlUuid>, _>(not.iter().map(|id| id.0).collect::<Vec<Uuid>>())
        .bind_as::<BigInt, _>(super::count(limit))
        .load::<LeasedRow>(tx)
        .await?
        .into_iter()
        .map(LeasedRow::read)
        .collect()
}

/// Takes one mailbox if it is due and nobody holds it.
pub async fn acquire(
    tx: &mut Tx,
    owner: &str,
    connector: ConnectorId,
    now: Timestamp,
) -> Result<Option<Leased>, Error> {
    sql(take_due!("AND connector_id = $4"))
        .bind_as::<Text, _>(owner)
        .bind_as::<Timestamptz, _>(now)
        .bind_as::<Double, _>(LEASE_SECONDS)
        .bind_as::<SqlUuid, _>(connector.0)
        .optional::<LeasedRow>(tx)
        .await?
        .map(LeasedRow::read)
        .transpose()
}

/// Extends the lease; `false` when somebody else holds it.
pub async fn renew(tx: &mut Tx, guard: &Guard) -> Result<bool, Error> {
    let renewed = sql("UPDATE mailboxes SET lease_until = clock_timestamp() + make_interval(secs => $3) \
         WHERE connector_id = $1 AND epoch = $2")
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<BigInt, _>(guard.epoch)
    .bind_as::<Double, _>(LEASE_SECONDS)
    .execute(tx)
    .await?;
    Ok(renewed > 0)
}

/// Why and when a mailbox is due again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub at: Timestamp,
    pub reason: &'static str,
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

#[derive(QueryableByName)]
struct ReleasedRow {
    #[diesel(sql_type = Bool)]
    held: bool,
    #[diesel(sql_type = Bool)]
    done: bool,
}

/// Gives the lease back after work: due again at `next`, or earlier for a parked message, an early look, a run that waits.
/// Refused when a mark came after `requested` was read, so that no push is swallowed.
pub async fn release(tx: &mut Tx, guard: &Guard, requested: i64, next: Option<Due>) -> Result<Released, Error> {
    let row = sql("WITH held AS ( \
           SELECT connector_id, requested, status FROM mailboxes WHERE connector_id = $2 AND epoch = $3 FOR NO KEY UPDATE), \
         wish AS ( \
           SELECT $5::timestamptz AS at, $6::text AS reason WHERE $5::timestamptz IS NOT NULL \
           UNION ALL SELECT min(next_attempt_at), 'retry' FROM parked_changes \
             WHERE tenant = $1 AND connector_id = $2 \
           UNION ALL SELECT min(next_look_at), 'early_push' FROM notification_queue \
             WHERE tenant = $1 AND connector_id = $2 AND status = 'pending' \
           UNION ALL SELECT min(not_before), 'backfill' FROM sync_runs \
             WHERE tenant = $1 AND connector_id = $2 AND state IN ('listing', 'fetching', 'confirming')), \
         next AS (SELECT at, reason FROM wish WHERE at IS NOT NULL ORDER BY at LIMIT 1), \
         done AS ( \
           UPDATE mailboxes m SET lease_owner = NULL, lease_until = NULL, \
             due_at = CASE WHEN m.status = 'active' THEN (SELECT at FROM next) END, \
             due_reason = coalesce((SELECT reason FROM next), '') \
           FROM held WHERE m.connector_id = held.connector_id AND held.requested = $4 RETURNING 1) \
         SELECT EXISTS (SELECT 1 FROM held) AS held, EXISTS (SELECT 1 FROM done) AS done")
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<BigInt, _>(guard.epoch)
    .bind_as::<BigInt, _>(requested)
    .bind_as::<Nullable<Timestamptz>, _>(next.map(|due| due.at))
    .bind_as::<Nullable<Text>, _>(next.map(|due| due.reason))
    .get_result::<ReleasedRow>(tx)
    .await?;
    Ok(match (row.held, row.done) {
        (false, _) => Released::Fenced,
        (true, true) => Released::Done,
        (true, false) => Released::Requested,
    })
}

/// Gives the lease back with work left: due at the given time, or when a mark that came after `requested` was read says.
/// Used at a stop and when a slice is over.
pub async fn yield_lease(tx: &mut Tx, guard: &Guard, requested: i64, due: Due) -> Result<(), Error> {
    sql("UPDATE mailboxes SET lease_owner = NULL, lease_until = NULL, \
           due_at = CASE WHEN requested = $5 THEN $3 ELSE least(due_at, $3) END, \
           due_reason = CASE WHEN requested = $5 OR due_at >= $3 THEN $4 ELSE due_reason END \
         WHERE connector_id = $1 AND epoch = $2")
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<BigInt, _>(guard.epoch)
    .bind_as::<Timestamptz, _>(due.at)
    .bind_as::<Text, _>(due.reason)
    .bind_as::<BigInt, _>(requested)
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives the lease back after a failure: still due, but not before the given time.
pub async fn fail(
    tx: &mut Tx,
    guard: &Guard,
    error: &str,
    attempts: i32,
    not_before: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    sql("UPDATE mailboxes SET lease_owner = NULL, lease_until = NULL, due_at = least(due_at, $6), \
           due_reason = 'retry', attempts = $4, last_error = $3, last_error_at = $6, not_before = $5, updated_at = $6 \
         WHERE connector_id = $1 AND epoch = $2")
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<BigInt, _>(guard.epoch)
    .bind_as::<Text, _>(error)
    .bind_as::<Integer, _>(attempts)
    .bind_as::<Timestamptz, _>(not_before)
    .bind_as::<Timestamptz, _>(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Gives the lease back and ends the work until connector says something newer (grant gone, paused, disconnected).
/// `false` when connector has said something newer since the lease was taken: what was refused may be allowed by now.
pub async fn park_mailbox(
    tx: &mut Tx,
    guard: &Guard,
    status: &str,
    reason: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let parked = sql(
        "UPDATE mailboxes SET lease_owner = NULL, lease_until = NULL, due_at = NULL, due_reason = '', status = $3, \
           status_reason = $4, last_error = $4, last_error_at = $5, updated_at = $5 \
         WHERE connector_id = $1 AND epoch = $2 AND status = 'active' AND connector_version = $6",
    )
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<BigInt, _>(guard.epoch)
    .bind_as::<Text, _>(status)
    .bind_as::<Text, _>(reason)
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<BigInt, _>(guard.version)
    .execute(tx)
    .await?;
    Ok(parked > 0)
}
