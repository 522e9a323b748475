//! `api_keys`: made, listed and deleted by their tenant, found by hash across tenants.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};
use postrider_web::Scopes;
use uuid::Uuid;

use crate::rules::api_key::KeyHash;

/// A key that was made.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    pub id: Uuid,
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub name: &'a str,
    pub hash: KeyHash,
    pub hint: &'a str,
    pub scopes: &'a Scopes,
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

row! {
    /// A key as its owner sees it.
    #[derive(Debug, Clone)]
    pub struct ApiKeyRow {
        pub id: Uuid,
        pub name: String,
        pub hint: String,
        pub scopes: String,
        pub expires_at: Option<Timestamp>,
        pub last_used_at: Option<Timestamp>,
        pub created_at: Timestamp,
    }

    /// Whom a key stands for.
    #[derive(Debug, Clone)]
    pub struct Bearer {
        pub id: Uuid,
        pub tenant: TenantId,
        pub user_id: UserId,
        pub scopes: String,
        pub expires_at: Option<Timestamp>,
        pub last_used_at: Option<Timestamp>,
    }
}

/// Stores a key unless its owner has `most` already. Returns how many it stored. One of the same id is from the same
/// request, whose answer was lost: nobody ever got it, and it goes.
pub async fn insert(tx: &TenantTx, new: NewKey<'_>, most: i64) -> Result<usize, Error> {
    // Two at once must not both find a place free.
    sql("SELECT pg_advisory_xact_lock(hashtextextended('postrider.api_keys.' || $1 || '/' || $2, 0))")
        .binds((new.tenant, new.user))
        .execute(tx)
        .await?;
    sql("DELETE FROM api_keys WHERE user_id = $1 AND id = $2").binds((new.user, new.id)).execute(tx).await?;
    sql("INSERT INTO api_keys (id, tenant, user_id, name, key_hash, hint, scopes, expires_at, created_at) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 \
         WHERE (SELECT count(*) FROM api_keys WHERE user_id = $3) < $10")
    .binds((
        new.id,
        new.tenant,
        new.user,
        new.name,
        new.hash.to_vec(),
        new.hint,
        new.scopes.to_string(),
        new.expires_at,
        new.created_at,
        most,
    ))
    .execute(tx)
    .await
}

/// A user's keys, oldest first, those after `after`.
pub async fn page(tx: &TenantTx, user: &UserId, after: Option<Uuid>, limit: i64) -> Result<Vec<ApiKeyRow>, Error> {
    sql("SELECT id, name, hint, scopes, expires_at, last_used_at, created_at FROM api_keys \
         WHERE user_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3")
    .binds((user, after, limit))
    .load(tx)
    .await
}

/// Deletes a key of the user; returns its hash.
pub async fn delete(tx: &TenantTx, user: &UserId, id: Uuid) -> Result<Option<Vec<u8>>, Error> {
    let found = sql("DELETE FROM api_keys WHERE user_id = $1 AND id = $2 RETURNING key_hash AS value")
        .binds((user, id))
        .optional::<Value<Vec<u8>>>(tx)
        .await?;
    Ok(found.map(|hash| hash.0))
}

/// Whom a key stands for.
pub async fn find(tx: &SystemTx, hash: &KeyHash) -> Result<Option<Bearer>, Error> {
    sql("SELECT id, tenant, user_id, scopes, expires_at, last_used_at FROM api_keys WHERE key_hash = $1")
        .bind(hash.to_vec())
        .optional(tx)
        .await
}

/// Notes that a key was used.
pub async fn used(tx: &SystemTx, id: Uuid, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE api_keys SET last_used_at = $2 WHERE id = $1").binds((id, now)).execute(tx).await?;
    Ok(())
}

/// Forgets keys that ended before `before`.
pub async fn delete_ended(tx: &SystemTx, before: Timestamp) -> Result<usize, Error> {
    sql("DELETE FROM api_keys WHERE expires_at < $1").bind(before).execute(tx).await
}
