//! Notifications whose time is over.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, Value, sql};

fn values<T>(rows: Vec<Value<T>>) -> Vec<T> {
    rows.into_iter().map(|Value(value)| value).collect()
}

/// Users of a tenant with something that has expired, or was archived before `kept`.
pub async fn users_to_clean_up(
    tx: &TenantTx,
    tenant: &TenantId,
    now: Timestamp,
    kept: Timestamp,
    limit: i64,
) -> Result<Vec<UserId>, Error> {
    let found = sql("SELECT DISTINCT user_id AS value FROM ( \
             (SELECT user_id FROM notifications WHERE tenant = $1 AND NOT is_archived AND expires_at <= $2 LIMIT $4) \
             UNION ALL \
             (SELECT user_id FROM notifications WHERE tenant = $1 AND is_archived AND archived_at <= $3 LIMIT $4)) due \
         ORDER BY value")
    .binds((tenant, now, kept, limit))
    .load::<Value<UserId>>(tx)
    .await?;
    Ok(values(found))
}

/// A user's notifications that have expired and are not archived.
pub async fn expired(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<NotificationId>, Error> {
    let found = sql("SELECT id AS value FROM notifications \
         WHERE tenant = $1 AND user_id = $2 AND NOT is_archived AND expires_at <= $3 ORDER BY created_nseq LIMIT $4")
    .binds((tenant, user, now, limit))
    .load::<Value<NotificationId>>(tx)
    .await?;
    Ok(values(found))
}

/// Deletes what a user's were archived before an instant. Returns how many.
pub async fn delete_archived(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    before: Timestamp,
    limit: i64,
) -> Result<usize, Error> {
    sql("DELETE FROM notifications WHERE tenant = $1 AND id IN ( \
             SELECT id FROM notifications WHERE tenant = $1 AND user_id = $2 AND is_archived AND archived_at <= $3 LIMIT $4)")
    .binds((tenant, user, before, limit))
    .execute(tx)
    .await
}

/// What a user was told about an account.
pub async fn of_account(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: ConnectorId,
    limit: i64,
) -> Result<Vec<NotificationId>, Error> {
    let found = sql("SELECT id AS value FROM notifications WHERE tenant = $1 AND user_id = $2 AND account_id = $3 \
         ORDER BY created_nseq LIMIT $4")
    .binds((tenant, user, account, limit))
    .load::<Value<NotificationId>>(tx)
    .await?;
    Ok(values(found))
}

/// Deletes these.
pub async fn delete(tx: &TenantTx, tenant: &TenantId, ids: &[NotificationId]) -> Result<usize, Error> {
    sql("DELETE FROM notifications WHERE tenant = $1 AND id = ANY($2)").binds((tenant, ids)).execute(tx).await
}
