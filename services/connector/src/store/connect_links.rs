//! `connect_links`: links that may be mailed. Found by the hash of their token across tenants, because whoever opens one
//! has no identity; everything else happens as their tenant.

use postrider_domain::{AccountStatus, ConnectorId, GoogleSub, TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};
use uuid::Uuid;

use super::oauth_states::Hash;

/// A link to keep.
#[derive(Debug, Clone)]
pub struct NewLink {
    pub id: Uuid,
    pub tenant: TenantId,
    pub user: UserId,
    pub asked_by: Option<UserId>,
    pub token_hash: Hash,
    pub connector: Option<ConnectorId>,
    /// As it was given, and in the form for look-ups.
    pub address: Option<(String, String)>,
    pub return_to: Option<String>,
    pub expires_at: Timestamp,
}

row! {
    /// A link with what its connector says today.
    #[derive(Debug, Clone)]
    pub struct Link {
        pub id: Uuid,
        pub tenant: TenantId,
        pub user_id: UserId,
        pub asked_by: Option<UserId>,
        pub connector_id: Option<ConnectorId>,
        /// Of the connector, or the one the link is for. Empty once that was erased.
        pub email_address: String,
        pub address_key: String,
        /// Of its connector, if it has one.
        pub google_sub: Option<GoogleSub>,
        pub status: Option<AccountStatus>,
        pub return_to: Option<String>,
        pub expires_at: Timestamp,
        pub used_at: Option<Timestamp>,
        pub revoked_at: Option<Timestamp>,
        pub created_at: Timestamp,
    }
}

macro_rules! link_columns {
    () => {
        "SELECT l.id, l.tenant, l.user_id, l.asked_by, l.connector_id, \
            coalesce(c.email_address, l.email_address, '') AS email_address, \
            coalesce(c.address_key, l.address_key, '') AS address_key, c.google_sub, c.status, l.return_to, l.expires_at, \
            l.used_at, l.revoked_at, l.created_at \
         FROM connect_links l LEFT JOIN connectors c ON c.id = l.connector_id "
    };
}

/// Whose links are counted until this transaction ends, by nobody else.
pub async fn lock_user(tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<(), Error> {
    sql("SELECT pg_advisory_xact_lock(hashtextextended('postrider.connect_links.' || $1 || E'\\n' || $2, 0))")
        .binds((tenant, user))
        .execute(tx)
        .await?;
    Ok(())
}

/// How many of a user's links besides this one may still be used.
pub async fn count_other_live(tx: &TenantTx, user: &UserId, id: Uuid, now: Timestamp) -> Result<i64, Error> {
    let count = sql("SELECT count(*) AS value FROM connect_links \
         WHERE user_id = $1 AND id <> $3 AND expires_at > $2 AND used_at IS NULL AND revoked_at IS NULL")
    .binds((user, now, id))
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(count.0)
}

/// Keeps a new link. A write that comes again under its own id gives it a new token: the old one was never told.
pub async fn insert(tx: &TenantTx, new: &NewLink) -> Result<(), Error> {
    let (address, key) = match &new.address {
        Some((address, key)) => (Some(address.as_str()), Some(key.as_str())),
        None => (None, None),
    };
    sql("INSERT INTO connect_links (id, tenant, user_id, asked_by, token_hash, connector_id, email_address, address_key, \
            return_to, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash")
    .binds((new.id, &new.tenant, &new.user, &new.asked_by, &new.token_hash, new.connector))
    .binds((address, key, &new.return_to, new.expires_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// A link of the tenant.
pub async fn get(tx: &TenantTx, id: Uuid) -> Result<Option<Link>, Error> {
    sql(concat!(link_columns!(), "WHERE l.id = $1")).bind(id).optional(tx).await
}

/// A link of the tenant, locked until the transaction ends.
pub async fn lock(tx: &TenantTx, id: Uuid) -> Result<Option<Link>, Error> {
    sql(concat!(link_columns!(), "WHERE l.id = $1 FOR UPDATE OF l")).bind(id).optional(tx).await
}

/// The links for a user and those the user made, oldest first, after `after`.
pub async fn list(tx: &TenantTx, user: &UserId, after: Option<Uuid>, limit: i64) -> Result<Vec<Link>, Error> {
    sql(concat!(link_columns!(), "WHERE (l.user_id = $1 OR l.asked_by = $1) AND l.id > $2 ORDER BY l.id LIMIT $3"))
        .binds((user, after.unwrap_or(Uuid::nil()), limit))
        .load(tx)
        .await
}

/// Takes a link back, if it is for the user or was made by the user. Returns whether it is.
pub async fn revoke(tx: &TenantTx, user: &UserId, id: Uuid, now: Timestamp) -> Result<bool, Error> {
    let touched = sql("UPDATE connect_links SET revoked_at = coalesce(revoked_at, $3) \
         WHERE id = $1 AND (user_id = $2 OR asked_by = $2)")
    .binds((id, user, now))
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Takes back a connector's links that the service made, but the newest `keep` of them.
pub async fn revoke_own(tx: &TenantTx, connector: ConnectorId, keep: i64, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE connect_links SET revoked_at = $3 WHERE used_at IS NULL AND revoked_at IS NULL AND id IN \
            (SELECT id FROM connect_links WHERE connector_id = $1 AND asked_by IS NULL \
               AND used_at IS NULL AND revoked_at IS NULL ORDER BY id DESC OFFSET $2)")
    .binds((connector, keep, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes back every link to a connector or to its address, and forgets the address: it was erased.
pub async fn forget(
    tx: &TenantTx,
    connector: ConnectorId,
    owner: &UserId,
    address_key: &str,
    now: Timestamp,
) -> Result<(), Error> {
    sql("UPDATE connect_links SET revoked_at = coalesce(revoked_at, $4), \
            email_address = CASE WHEN connector_id IS NULL THEN '' END, \
            address_key = CASE WHEN connector_id IS NULL THEN '' END \
         WHERE connector_id = $1 OR (user_id = $2 AND address_key = $3)")
    .binds((connector, owner, address_key, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// An account was connected by a locked link.
pub async fn mark_used(tx: &TenantTx, id: Uuid, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE connect_links SET used_at = $2 WHERE id = $1").binds((id, now)).execute(tx).await?;
    Ok(())
}

row! {
    /// Where a link is.
    #[derive(Debug, Clone)]
    pub struct Place {
        pub id: Uuid,
        pub tenant: TenantId,
    }
}

/// The link of a token, whatever became of it.
pub async fn find(tx: &SystemTx, token_hash: &Hash) -> Result<Option<Place>, Error> {
    sql("SELECT id, tenant FROM connect_links WHERE token_hash = $1").bind(token_hash).optional(tx).await
}

/// Forgets links that ended before `before`. Returns how many.
pub async fn delete_expired(tx: &SystemTx, before: Timestamp) -> Result<usize, Error> {
    sql("DELETE FROM connect_links WHERE expires_at < $1").bind(before).execute(tx).await
}
