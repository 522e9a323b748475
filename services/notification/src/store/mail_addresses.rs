//! `mail_addresses`: addresses beside those of the user's accounts, and whether a mailed link has confirmed them.

use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, Value, sql};
use uuid::Uuid;

postrider_storage::row! {
    /// An account's own address.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OwnAddress {
        pub account_id: ConnectorId,
        pub address: String,
    }
}

/// The addresses of a user's accounts, as far as they are known, the first connected first.
pub async fn own(tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<Vec<OwnAddress>, Error> {
    sql("SELECT account_id, email_address AS address FROM accounts \
         WHERE tenant = $1 AND user_id = $2 AND email_address <> '' AND status <> 'disconnected' \
         ORDER BY created_at, account_id")
    .binds((tenant, user))
    .load(tx)
    .await
}

/// Whether a user's address was confirmed.
pub async fn is_confirmed(tx: &TenantTx, tenant: &TenantId, user: &UserId, key: &str) -> Result<bool, Error> {
    let Value(count) = sql("SELECT count(*) AS value FROM mail_addresses \
         WHERE tenant = $1 AND user_id = $2 AND key = $3 AND confirmed_at IS NOT NULL")
    .binds((tenant, user, key))
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(count > 0)
}

/// How many of a user's addresses were asked about since an instant. The user's row must be locked.
pub async fn asked_since(tx: &TenantTx, tenant: &TenantId, user: &UserId, since: Timestamp) -> Result<i64, Error> {
    let Value(count) = sql("SELECT count(*) AS value FROM mail_addresses \
         WHERE tenant = $1 AND user_id = $2 AND asked_at >= $3")
    .binds((tenant, user, since))
    .get_result(tx)
    .await?;
    Ok(count)
}

/// An address that a user wants mails at.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub id: Uuid,
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub address: &'a str,
    pub key: &'a str,
    pub now: Timestamp,
}

/// Notes that it is asked about now; nothing if it was since `before` or is confirmed.
pub async fn ask(tx: &TenantTx, wanted: Wanted<'_>, before: Timestamp) -> Result<bool, Error> {
    let touched = sql("INSERT INTO mail_addresses AS m (tenant, id, user_id, address, key, asked_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6) \
         ON CONFLICT ON CONSTRAINT mail_addresses_once DO UPDATE SET asked_at = excluded.asked_at \
             WHERE m.confirmed_at IS NULL AND m.asked_at < $7")
    .binds((wanted.tenant, wanted.id, wanted.user, wanted.address, wanted.key, wanted.now, before))
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Forgets at most `most` of a tenant's addresses that were asked before an instant and never confirmed. Returns how many.
pub async fn prune(tx: &TenantTx, tenant: &TenantId, before: Timestamp, most: i64) -> Result<usize, Error> {
    sql("DELETE FROM mail_addresses WHERE tenant = $1 AND id IN ( \
             SELECT id FROM mail_addresses WHERE tenant = $1 AND confirmed_at IS NULL AND asked_at < $2 \
             ORDER BY asked_at LIMIT $3)")
    .binds((tenant, before, most))
    .execute(tx)
    .await
}

/// Confirms one that was asked about. Whether there is such a one.
pub async fn confirm(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    key: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let touched = sql("UPDATE mail_addresses SET confirmed_at = coalesce(confirmed_at, $4) \
         WHERE tenant = $1 AND user_id = $2 AND key = $3")
    .binds((tenant, user, key, now))
    .execute(tx)
    .await?;
    Ok(touched == 1)
}
