//! Which mirrors are to be compared with all of their mailbox.

use postrider_domain::{ConnectorId, TenantId, Timestamp};
use postrider_storage::{Error, SystemTx, row, sql};

row! {
    /// A mailbox whose day has come.
    #[derive(Debug, Clone)]
    pub struct Due {
        pub tenant: TenantId,
        pub connector: ConnectorId,
    }
}

/// Takes mailboxes whose audit is due, longest due first, and says when the next one is; other replicas skip them.
pub async fn claim(tx: &SystemTx, now: Timestamp, next: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
    sql("WITH due AS ( \
           SELECT connector_id FROM mailboxes \
           WHERE first_synced_at IS NOT NULL AND status = 'active' AND monitored \
             AND coalesce(audit_at, first_synced_at) <= $1 \
           ORDER BY coalesce(audit_at, first_synced_at) LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) \
         UPDATE mailboxes m SET audit_at = $2 FROM due WHERE m.connector_id = due.connector_id \
         RETURNING m.tenant, m.connector_id AS connector")
    .binds((now, next, crate::store::count(limit)))
    .load(tx)
    .await
}
