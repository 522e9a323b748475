//! `suppressions`: events that could have notified and did not, with the reason.

use postrider_domain::{ConnectorId, EventId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, sql};
use serde_json::Value;

use crate::rules::Kind;

/// What was not told, to whom, and why.
pub struct Suppression<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub account: ConnectorId,
    pub kind: Kind,
    pub business_key: &'a str,
    pub event: EventId,
    pub decision: Value,
    pub now: Timestamp,
}

/// Keeps the reason; a second event of the same key changes nothing.
pub async fn insert(tx: &TenantTx, row: Suppression<'_>) -> Result<(), Error> {
    sql("INSERT INTO suppressions (tenant, user_id, type, business_key, account_id, event_id, decision, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, user_id, type, business_key) DO NOTHING")
    .binds((row.tenant, row.user, row.kind, row.business_key, row.account, row.event, row.decision, row.now))
    .execute(tx)
    .await?;
    Ok(())
}

postrider_storage::row! {
    /// Why an event raised nothing.
    #[derive(Debug)]
    pub struct Reason {
        pub kind: Kind,
        pub decision: Value,
    }
}

/// The reason kept for an event, if it raised nothing for this user.
pub async fn find(tx: &TenantTx, tenant: &TenantId, user: &UserId, event: EventId) -> Result<Option<Reason>, Error> {
    sql("SELECT type AS kind, decision FROM suppressions WHERE tenant = $1 AND user_id = $2 AND event_id = $3 LIMIT 1")
        .binds((tenant, user, event))
        .optional(tx)
        .await
}

/// Forgets at most `most` reasons about an account. Returns how many.
pub async fn forget_account(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: ConnectorId,
    most: i64,
) -> Result<usize, Error> {
    sql("DELETE FROM suppressions s USING ( \
             SELECT type, business_key FROM suppressions \
             WHERE tenant = $1 AND user_id = $2 AND account_id = $3 LIMIT $4) old \
         WHERE s.tenant = $1 AND s.user_id = $2 AND s.type = old.type AND s.business_key = old.business_key")
    .binds((tenant, user, account, most))
    .execute(tx)
    .await
}

/// Forgets at most `most` of a tenant's reasons older than the given instant. Returns how many.
pub async fn prune(tx: &TenantTx, tenant: &TenantId, before: Timestamp, most: i64) -> Result<usize, Error> {
    sql("DELETE FROM suppressions s USING ( \
             SELECT user_id, type, business_key FROM suppressions WHERE tenant = $1 AND created_at < $2 \
             ORDER BY created_at LIMIT $3) old \
         WHERE s.tenant = $1 AND s.user_id = old.user_id AND s.type = old.type AND s.business_key = old.business_key")
    .binds((tenant, before, most))
    .execute(tx)
    .await
}
