//! `suppressions`: events that could have notified and did not, with the reason.

use postrider_domain::{ConnectorId, EventId, TenantId, Timestamp, UserId};
use postrider_storage::types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, Tx, sql};
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
pub async fn insert(tx: &Tx, row: Suppression<'_>) -> Result<(), Error> {
    sql("INSERT INTO suppressions (tenant, user_id, type, business_key, account_id, event_id, decision, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, user_id, type, business_key) DO NOTHING")
    .bind_as::<Text, _>(row.tenant.as_str())
    .bind_as::<Text, _>(row.user.as_str())
    .bind_as::<Text, _>(row.kind.as_str())
    .bind_as::<Text, _>(row.business_key)
    .bind_as::<Nullable<SqlUuid>, _>(Some(row.account.0))
    .bind_as::<SqlUuid, _>(row.event.0)
    .bind_as::<Jsonb, _>(row.decision)
    .bind_as::<Timestamptz, _>(row.now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets at most `most` of a tenant's reasons older than the given instant; answers how many.
pub async fn prune(tx: &Tx, tenant: &TenantId, before: Timestamp, most: i64) -> Result<usize, Error> {
    sql("DELETE FROM suppressions s USING ( \
             SELECT user_id, type, business_key FROM suppressions WHERE tenant = $1 AND created_at < $2 \
             ORDER BY created_at LIMIT $3) old \
         WHERE s.tenant = $1 AND s.user_id = old.user_id AND s.type = old.type AND s.business_key = old.business_key")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<Timestamptz, _>(before)
    .bind_as::<BigInt, _>(most)
    .execute(tx)
    .await
}
