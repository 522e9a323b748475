//! Which mailboxes are due, and taking them. Leases run on the database's clock, due times on the caller's.

use postrider_domain::{ConnectorId, Timestamp};
use postrider_storage::types::Bool;
use postrider_storage::{Error, NamedRow, Pg, QueryableByName, RowResult, SystemTx, TenantTx, sql};

use super::lease::LEASE_SECONDS;
use super::{Mailbox, mailbox_columns};
use crate::rules::due::DueReason;
use crate::store::count;

/// A mailbox that was just leased.
#[derive(Debug, Clone)]
pub struct Leased {
    pub mailbox: Mailbox,
    /// Taken from a holder who never released it: nobody knows what that one spent.
    pub stolen: bool,
}

impl QueryableByName<Pg> for Leased {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> RowResult<Self> {
        Ok(Self { mailbox: Mailbox::build(row)?, stolen: NamedRow::get::<Bool, _>(row, "stolen")? })
    }
}

/// Takes the due mailboxes that nobody holds and that `$more` leaves: $1 owner, $2 now, $3 seconds, $4… are `$more`'s.
macro_rules! take_due {
    ($more:literal) => {
        concat!(
            "WITH due AS ( \
               SELECT connector_id, lease_until IS NOT NULL AS stolen FROM mailboxes \
               WHERE due_at IS NOT NULL AND greatest(due_at, not_before) <= $2 AND status = 'active' \
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
pub async fn acquire_all(
    tx: &mut SystemTx,
    owner: &str,
    not: &[ConnectorId],
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Leased>, Error> {
    sql(take_due!("AND connector_id <> ALL ($4) ORDER BY greatest(due_at, not_before) LIMIT $5"))
        .binds((owner, now, LEASE_SECONDS, not, count(limit)))
        .load(tx)
        .await
}

/// Takes one mailbox if it is due and nobody holds it.
pub async fn acquire(
    tx: &mut SystemTx,
    owner: &str,
    connector: ConnectorId,
    now: Timestamp,
) -> Result<Option<Leased>, Error> {
    sql(take_due!("AND connector_id = $4")).binds((owner, now, LEASE_SECONDS, connector)).optional(tx).await
}

/// Makes a mailbox due because a person asked.
pub async fn ask(tx: &TenantTx, connector: ConnectorId, now: Timestamp) -> Result<(), Error> {
    mark(tx, connector, DueReason::Asked, now).await
}

/// Makes a mailbox due, and marks it: whoever holds it looks once more.
pub async fn mark(tx: &TenantTx, connector: ConnectorId, reason: DueReason, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE mailboxes SET requested = requested + 1, \
            due_at = CASE WHEN status = 'active' THEN least(due_at, $2) END, \
            due_reason = CASE WHEN due_at <= $2 THEN due_reason ELSE $3 END WHERE connector_id = $1")
    .binds((connector, now, reason))
    .execute(tx)
    .await?;
    Ok(())
}
