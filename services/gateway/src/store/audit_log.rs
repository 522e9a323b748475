//! `audit_log`: written once, read by who may, removed by age.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, row, sql};
use uuid::Uuid;

row! {
    /// Who did what in whose name.
    #[derive(Debug, Clone)]
    pub struct Entry {
        pub id: Uuid,
        pub user_id: UserId,
        pub actor: UserId,
        pub api_key_id: Option<Uuid>,
        pub action: String,
        pub target: String,
        pub address: String,
        pub request_id: String,
        pub created_at: Timestamp,
    }
}

/// Writes an entry.
pub async fn insert(tx: &TenantTx, tenant: &TenantId, entry: &Entry) -> Result<(), Error> {
    sql("INSERT INTO audit_log (id, tenant, user_id, actor, api_key_id, action, target, address, request_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
    .binds((
        entry.id,
        tenant,
        &entry.user_id,
        &entry.actor,
        entry.api_key_id,
        entry.action.as_str(),
        entry.target.as_str(),
        entry.address.as_str(),
        entry.request_id.as_str(),
        entry.created_at,
    ))
    .execute(tx)
    .await?;
    Ok(())
}

/// A place in the log, newest first.
pub type Place = (Timestamp, Uuid);

/// The tenant's entries before `before`, newest first.
pub async fn of_tenant(tx: &TenantTx, before: Place, limit: i64) -> Result<Vec<Entry>, Error> {
    sql("SELECT id, user_id, actor, api_key_id, action, target, address, request_id, created_at FROM audit_log \
         WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $3")
    .binds((before.0, before.1, limit))
    .load(tx)
    .await
}

/// Those that touched one user's accounts.
pub async fn of_user(tx: &TenantTx, user: &UserId, before: Place, limit: i64) -> Result<Vec<Entry>, Error> {
    sql("SELECT id, user_id, actor, api_key_id, action, target, address, request_id, created_at FROM audit_log \
         WHERE user_id = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4")
    .binds((user, before.0, before.1, limit))
    .load(tx)
    .await
}

/// Forgets the oldest entries that are from before `before`, a slice of them.
pub async fn delete_old(tx: &SystemTx, before: Timestamp, slice: i64) -> Result<usize, Error> {
    sql("DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE created_at < $1 ORDER BY created_at LIMIT $2)")
        .binds((before, slice))
        .execute(tx)
        .await
}
