//! `connectors`: who connected which account, and what they chose. [`members`] are the look-ups across tenants, which
//! see ids and states only; [`view`] is what an owner is shown.

pub mod members;
mod settings_column;
pub mod view;

use postrider_domain::{AccountStatus, ConnectorId, GoogleSub, TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Tx, row, sql};
use uuid::Uuid;

use crate::rules::settings::Settings;

row! {
    /// A connector.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Connector {
        pub id: ConnectorId,
        pub tenant: TenantId,
        pub owner: UserId,
        pub google_sub: GoogleSub,
        pub account_id: Uuid,
        pub display_name: String,
        pub email_address: String,
        pub address_key: String,
        pub status: AccountStatus,
        /// Why, for `reauth_required`.
        pub status_reason: String,
        /// For `reauth_required`: its owner had paused it.
        pub was_paused: bool,
        pub granted_scopes: String,
        pub settings: Settings,
        pub version: i64,
        pub erase_run_id: Option<Uuid>,
        pub check_due_at: Option<Timestamp>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

macro_rules! connector_columns {
    () => {
        "id, tenant, owner, google_sub, account_id, display_name, email_address, address_key, status, status_reason, \
         was_paused, granted_scopes, settings, version, erase_run_id, check_due_at, created_at, updated_at"
    };
}

/// A connector of the tenant.
pub async fn get(tx: &TenantTx, id: ConnectorId) -> Result<Option<Connector>, Error> {
    sql(concat!("SELECT ", connector_columns!(), " FROM connectors WHERE id = $1")).bind(id).optional(tx).await
}

/// A connector of the tenant, locked until the transaction ends.
pub async fn lock(tx: &TenantTx, id: ConnectorId) -> Result<Option<Connector>, Error> {
    sql(concat!("SELECT ", connector_columns!(), " FROM connectors WHERE id = $1 FOR UPDATE"))
        .bind(id)
        .optional(tx)
        .await
}

/// An owner's connector.
pub async fn find(tx: &TenantTx, owner: &UserId, id: ConnectorId) -> Result<Option<Connector>, Error> {
    sql(concat!("SELECT ", connector_columns!(), " FROM connectors WHERE id = $1 AND owner = $2"))
        .binds((id, owner))
        .optional(tx)
        .await
}

/// The owner's connector of that Google account.
pub async fn find_by_sub(tx: &TenantTx, owner: &UserId, sub: &GoogleSub) -> Result<Option<Connector>, Error> {
    sql(concat!(
        "SELECT ",
        connector_columns!(),
        " FROM connectors WHERE owner = $1 AND provider = 'gmail' AND google_sub = $2"
    ))
    .binds((owner, sub))
    .optional(tx)
    .await
}

/// The owner's connector of that address; the one that is not ended first, then the newest.
pub async fn find_by_address(tx: &TenantTx, owner: &UserId, address_key: &str) -> Result<Option<Connector>, Error> {
    sql(concat!(
        "SELECT ",
        connector_columns!(),
        " FROM connectors WHERE owner = $1 AND address_key = $2 ORDER BY status = 'disconnected', id DESC LIMIT 1"
    ))
    .binds((owner, address_key))
    .optional(tx)
    .await
}

/// The owner's connectors that are not ended, oldest first, up to `limit`.
pub async fn list_open(tx: &TenantTx, owner: &UserId, limit: i64) -> Result<Vec<Connector>, Error> {
    sql(concat!(
        "SELECT ",
        connector_columns!(),
        " FROM connectors WHERE owner = $1 AND status <> 'disconnected' ORDER BY id LIMIT $2"
    ))
    .binds((owner, limit))
    .load(tx)
    .await
}

/// Stores a new connector.
pub async fn insert(tx: &TenantTx, new: &Connector) -> Result<(), Error> {
    sql(
        "INSERT INTO connectors (id, tenant, owner, google_sub, account_id, display_name, email_address, address_key, \
            status, status_reason, granted_scopes, settings, version, check_due_at, created_at, updated_at, was_paused) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .binds((new.id, &new.tenant, &new.owner, &new.google_sub, new.account_id))
    .binds((&new.display_name, &new.email_address, &new.address_key))
    .binds((new.status, &new.status_reason, &new.granted_scopes, &new.settings, new.version))
    .binds((new.check_due_at, new.created_at, new.updated_at, new.was_paused))
    .execute(tx)
    .await?;
    Ok(())
}

/// Stores a changed connector whose version was moved on by one; [`Error::NotFound`] if somebody else moved it first.
pub async fn save(tx: &TenantTx, changed: &Connector) -> Result<(), Error> {
    let touched =
        sql("UPDATE connectors SET google_sub = $3, account_id = $4, display_name = $5, email_address = $6, \
            address_key = $7, status = $8, status_reason = $9, granted_scopes = $10, settings = $11, \
            version = $2, erase_run_id = $12, check_due_at = $13, updated_at = $14, was_paused = $15 \
         WHERE id = $1 AND version = $2 - 1")
        .binds((changed.id, changed.version, &changed.google_sub, changed.account_id))
        .binds((&changed.display_name, &changed.email_address, &changed.address_key))
        .binds((changed.status, &changed.status_reason, &changed.granted_scopes, &changed.settings))
        .binds((changed.erase_run_id, changed.check_due_at, changed.updated_at, changed.was_paused))
        .execute(tx)
        .await?;
    if touched == 1 { Ok(()) } else { Err(Error::NotFound) }
}

/// When to look at the grant next; no version moves, nobody is told.
pub async fn mark_check_due(tx: &Tx, id: ConnectorId, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE connectors SET check_due_at = $2 WHERE id = $1").binds((id, due)).execute(tx).await?;
    Ok(())
}

row! {
    /// A connector whose grant is to be looked at.
    #[derive(Debug)]
    pub struct DueCheck {
        pub id: ConnectorId,
        pub tenant: TenantId,
    }
}

/// Takes connectors whose grant is due for a look, pushing them to `next` so that other replicas leave them alone.
pub async fn claim_checks(tx: &SystemTx, now: Timestamp, next: Timestamp, limit: i64) -> Result<Vec<DueCheck>, Error> {
    sql("UPDATE connectors SET check_due_at = $2 \
         WHERE id IN (SELECT id FROM connectors WHERE check_due_at <= $1 AND status IN ('active', 'paused') \
                      ORDER BY check_due_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
         RETURNING id, tenant")
    .binds((now, next, limit))
    .load(tx)
    .await
}
