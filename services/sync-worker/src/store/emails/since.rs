//! Mails that came into the mirror since an instant.

use postrider_domain::{ConnectorId, EmailId, MessageId, ThreadId, Timestamp};
use postrider_storage::{Error, TenantTx, row, sql};

row! {
    /// A mail by its ids.
    #[derive(Debug)]
    pub struct Came {
        pub email_id: EmailId,
        pub message_id: MessageId,
        pub thread_id: ThreadId,
    }
}

/// Those of some accounts, newest first. What was written since was updated since: that is what has an index.
pub async fn list_since(
    tx: &TenantTx,
    accounts: &[ConnectorId],
    since: Timestamp,
    limit: usize,
) -> Result<Vec<Came>, Error> {
    sql("SELECT email_id, message_id, thread_id FROM emails \
         WHERE tenant = nullif(current_setting('postrider.tenant', true), '') AND connector_id = ANY ($1) \
           AND updated_at >= $2 AND created_at >= $2 AND NOT stub AND NOT is_deleted \
         ORDER BY received_at DESC, email_id DESC LIMIT $3")
    .binds((accounts, since, crate::store::count(limit)))
    .load(tx)
    .await
}
