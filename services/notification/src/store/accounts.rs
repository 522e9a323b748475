//! `accounts`: the projection of the connector service.

use postrider_contracts::connector::ConnectorState;
use postrider_domain::{AccountStatus, ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, sql};

use crate::rules::{Account, LabelFilter};

/// The account, or nothing.
pub async fn find(tx: &TenantTx, tenant: &TenantId, id: ConnectorId) -> Result<Option<Account>, Error> {
    sql("SELECT account_id AS id, user_id AS owner, status, erase, label_filter_action AS label_filter, label_ids, \
                include_spam_trash, version_at, first_sync_at \
         FROM accounts WHERE tenant = $1 AND account_id = $2")
    .binds((tenant, id))
    .optional(tx)
    .await
}

/// A tenant's accounts whose owners asked for their erasure.
pub async fn erased(tx: &TenantTx, tenant: &TenantId) -> Result<Vec<Account>, Error> {
    sql("SELECT account_id AS id, user_id AS owner, status, erase, label_filter_action AS label_filter, label_ids, \
                include_spam_trash, version_at, first_sync_at \
         FROM accounts WHERE tenant = $1 AND erase AND status = 'disconnected'")
    .bind(tenant)
    .load(tx)
    .await
}

/// The account; a row with version 0 is made where a mail came before the first connector event, so that the mail
/// need not wait for it. The connector event fills the row in.
pub async fn find_or_expect(
    tx: &TenantTx,
    tenant: &TenantId,
    owner: &UserId,
    id: ConnectorId,
    at: Timestamp,
) -> Result<Account, Error> {
    if let Some(account) = find(tx, tenant, id).await? {
        return Ok(account);
    }
    sql("INSERT INTO accounts (tenant, account_id, user_id, version_at, created_at, updated_at) \
         VALUES ($1, $2, $3, 'epoch', $4, $4) ON CONFLICT (tenant, account_id) DO NOTHING")
    .binds((tenant, id, owner, at))
    .execute(tx)
    .await?;
    find(tx, tenant, id).await?.ok_or(Error::NotFound)
}

/// A connector event, checked.
#[derive(Debug, Clone)]
pub struct Projection {
    pub id: ConnectorId,
    pub owner: UserId,
    pub status: AccountStatus,
    pub label_filter: LabelFilter,
    /// The rest, as it came.
    pub state: ConnectorState,
    /// Time of the event.
    pub at: Timestamp,
}

/// Takes a connector event if its version is newer than what the row holds. Returns whether it was.
pub async fn project(tx: &TenantTx, tenant: &TenantId, new: &Projection, now: Timestamp) -> Result<bool, Error> {
    let state = &new.state;
    let settings = state.settings.clone().unwrap_or_default();
    let touched =
        sql("INSERT INTO accounts AS a (tenant, account_id, user_id, email_address, display_name, status, erase, \
             label_filter_action, label_ids, include_spam_trash, version, version_at, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) \
         ON CONFLICT (tenant, account_id) DO UPDATE SET \
             user_id = excluded.user_id, email_address = excluded.email_address, \
             display_name = excluded.display_name, status = excluded.status, erase = excluded.erase, \
             label_filter_action = excluded.label_filter_action, label_ids = excluded.label_ids, \
             include_spam_trash = excluded.include_spam_trash, version = excluded.version, \
             version_at = excluded.version_at, updated_at = excluded.updated_at \
         WHERE a.version < excluded.version")
        .binds((tenant, new.id, &new.owner, &state.email_address, &state.display_name, new.status, state.erase))
        .binds((new.label_filter, settings.label_ids, settings.include_spam_trash, state.version, new.at, now))
        .execute(tx)
        .await?;
    Ok(touched == 1)
}

/// Notes that the account's first complete sync was reported.
pub async fn mark_first_sync(tx: &TenantTx, tenant: &TenantId, id: ConnectorId, at: Timestamp) -> Result<(), Error> {
    sql("UPDATE accounts SET first_sync_at = $3, updated_at = $3 \
         WHERE tenant = $1 AND account_id = $2 AND first_sync_at IS NULL")
    .binds((tenant, id, at))
    .execute(tx)
    .await?;
    Ok(())
}
