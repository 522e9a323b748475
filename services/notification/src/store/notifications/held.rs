//! Notifications whose alert waits for the end of quiet hours.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, sql};
use serde_json::Value;

postrider_storage::row! {
    /// One that waits.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Held {
        pub id: NotificationId,
        pub account_id: Option<ConnectorId>,
        pub feed_seq: Option<i64>,
        pub also: Vec<String>,
        /// Whether mails may tell of it.
        pub in_digests: bool,
    }
}

/// What of a user still waits, oldest first. What was read or archived meanwhile waits no more.
pub async fn held(tx: &TenantTx, tenant: &TenantId, user: &UserId, limit: i64) -> Result<Vec<Held>, Error> {
    sql("UPDATE notifications SET held_until = NULL \
         WHERE tenant = $1 AND user_id = $2 AND held_until IS NOT NULL AND (is_read OR is_archived)")
    .binds((tenant, user))
    .execute(tx)
    .await?;
    sql("SELECT id, account_id, feed_seq, also, in_digests FROM notifications WHERE tenant = $1 AND user_id = $2 AND held_until IS NOT NULL \
         ORDER BY created_nseq LIMIT $3")
    .binds((tenant, user, limit))
    .load(tx)
    .await
}

/// Holds these until another time.
pub async fn hold(tx: &TenantTx, tenant: &TenantId, ids: &[NotificationId], until: Timestamp) -> Result<(), Error> {
    sql("UPDATE notifications SET held_until = $3 WHERE tenant = $1 AND id = ANY($2)")
        .binds((tenant, ids, until))
        .execute(tx)
        .await?;
    Ok(())
}

/// Holds these no more; `decision` says what became of their alert.
pub async fn release(tx: &TenantTx, tenant: &TenantId, ids: &[NotificationId], decision: Value) -> Result<(), Error> {
    sql("UPDATE notifications SET held_until = NULL, decision = decision || $3 WHERE tenant = $1 AND id = ANY($2)")
        .binds((tenant, ids, decision))
        .execute(tx)
        .await?;
    Ok(())
}
