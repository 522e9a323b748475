//! Connectors as their owner sees them: with their watch and whether they hold a credential, never with a secret.

use postrider_domain::{AccountStatus, ConnectorId, GoogleSub, Timestamp, UserId, WatchId, WatchState, WatchType};
use postrider_storage::{Error, TenantTx, row, sql};
use uuid::Uuid;

use crate::rules::settings::Settings;

row! {
    /// One connector with what belongs to it.
    #[derive(Debug, Clone)]
    pub struct ConnectorView {
        pub id: ConnectorId,
        pub google_sub: GoogleSub,
        pub display_name: String,
        pub email_address: String,
        pub status: AccountStatus,
        pub status_reason: String,
        pub granted_scopes: String,
        pub settings: Settings,
        pub version: i64,
        pub erase_run_id: Option<Uuid>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub has_credentials: bool,
        pub last_notification_at: Option<Timestamp>,
        pub watch_id: Option<WatchId>,
        pub watch_type: Option<WatchType>,
        pub watch_state: Option<WatchState>,
        pub watch_expires_at: Option<Timestamp>,
        pub watch_silent_since: Option<Timestamp>,
    }
}

macro_rules! view_columns {
    () => {
        "c.id, c.google_sub, c.display_name, c.email_address, c.status, c.status_reason, c.granted_scopes, c.settings, \
         c.version, c.erase_run_id, c.created_at, c.updated_at, coalesce(s.refresh_sealed IS NOT NULL, false) AS has_credentials, \
         a.last_notification_at, w.id AS watch_id, w.watch_type, w.state AS watch_state, \
         w.expires_at AS watch_expires_at, a.watch_silent_since"
    };
}

macro_rules! view_tables {
    () => {
        " FROM connectors c LEFT JOIN credentials s ON s.connector_id = c.id \
         LEFT JOIN google_accounts a ON a.id = c.account_id LEFT JOIN watches w ON w.connector_id = c.id "
    };
}

/// One of the owner's connectors.
pub async fn find(tx: &TenantTx, owner: &UserId, id: ConnectorId) -> Result<Option<ConnectorView>, Error> {
    sql(concat!("SELECT ", view_columns!(), view_tables!(), "WHERE c.id = $1 AND c.owner = $2"))
        .binds((id, owner))
        .optional(tx)
        .await
}

/// The owner's connectors, oldest first, after `after`.
pub async fn list(
    tx: &TenantTx,
    owner: &UserId,
    after: Option<ConnectorId>,
    limit: i64,
) -> Result<Vec<ConnectorView>, Error> {
    let after = after.unwrap_or(ConnectorId(Uuid::nil()));
    sql(concat!("SELECT ", view_columns!(), view_tables!(), "WHERE c.owner = $1 AND c.id > $2 ORDER BY c.id LIMIT $3"))
        .binds((owner, after, limit))
        .load(tx)
        .await
}
