//! `connectors`: who connected which account, and what they chose. [`members`] are the look-ups across tenants, which
//! see ids and states only; [`view`] is what an owner is shown.

pub mod members;
mod settings_column;
pub mod view;
mod write;

use postrider_domain::{AccountStatus, ConnectorId, GoogleSub, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, row, sql};
use uuid::Uuid;

pub use self::write::{DueCheck, claim_checks, insert, mark_check_due, save};
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
