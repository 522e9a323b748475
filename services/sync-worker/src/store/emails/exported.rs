//! The mails of an export, oldest first: what is not deleted, wherever it lies.

use postrider_domain::{ConnectorId, EmailId, Timestamp};
use postrider_storage::{Error, TenantTx, row, sql};

row! {
    /// A mail to write out.
    #[derive(Debug)]
    pub struct Exported {
        pub email_id: EmailId,
        pub received_at: Timestamp,
        pub sender_email: String,
        pub size_bytes: i64,
    }
}

/// Some of them, behind the last one before.
pub async fn list_exported(
    tx: &TenantTx,
    connector: ConnectorId,
    after: Option<(Timestamp, EmailId)>,
    limit: usize,
) -> Result<Vec<Exported>, Error> {
    let (time, id) = after.unzip();
    sql("SELECT e.email_id, e.received_at, e.sender_email, e.size_bytes FROM emails e \
         WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND e.connector_id = $1 \
           AND NOT e.stub AND NOT e.is_deleted \
           AND (e.received_at, e.email_id) > (coalesce($2, '-infinity'::timestamptz), \
             coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid)) \
         ORDER BY e.received_at, e.email_id LIMIT $4")
    .binds((connector, time, id, crate::store::count(limit)))
    .load(tx)
    .await
}
