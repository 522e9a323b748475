//! `watches`: a connector's share in its account's watch. Each change moves the version its event carries.

use postrider_domain::{ConnectorId, HistoryId, TenantId, Timestamp, WatchId, WatchState, WatchType};
use postrider_storage::{Error, TenantTx, row, sql};

use crate::store::google_accounts::Account;

row! {
    /// A connector's watch.
    #[derive(Debug, Clone)]
    pub struct Watch {
        pub id: WatchId,
        pub watch_type: WatchType,
        pub state: WatchState,
        pub history_id: HistoryId,
        pub expires_at: Option<Timestamp>,
        /// Its pushes do not come though Google watches.
        pub silent: bool,
        pub version: i64,
    }
}

/// What a watch is from now on.
#[derive(Debug, Clone, Copy)]
pub struct WatchNow {
    pub watch_type: WatchType,
    pub state: WatchState,
    pub history_id: HistoryId,
    pub expires_at: Option<Timestamp>,
    /// Its pushes do not come though Google watches.
    pub silent: bool,
}

impl WatchNow {
    /// A share in a watch that Google keeps for the account.
    pub fn running(account: &Account) -> Self {
        Self {
            watch_type: WatchType::Push,
            state: WatchState::Active,
            history_id: account.watch_history_id.unwrap_or_default(),
            expires_at: account.watch_expires_at,
            silent: account.watch_silent_since.is_some(),
        }
    }
}

impl Watch {
    /// The same watch in a state in which nothing is watched.
    pub fn ended(&self, state: WatchState) -> WatchNow {
        WatchNow { watch_type: self.watch_type, state, history_id: self.history_id, expires_at: None, silent: false }
    }
}

/// The connector's watch, locked until the transaction ends.
pub async fn lock(tx: &TenantTx, connector: ConnectorId) -> Result<Option<Watch>, Error> {
    sql("SELECT id, watch_type, state, history_id, expires_at, silent, version FROM watches \
         WHERE connector_id = $1 FOR UPDATE")
    .bind(connector)
    .optional(tx)
    .await
}

/// Asks for a push watch; a running one stays as it is.
pub async fn want_push(tx: &TenantTx, new_id: WatchId, tenant: &TenantId, connector: ConnectorId) -> Result<(), Error> {
    sql("INSERT INTO watches (id, tenant, connector_id, watch_type, state) VALUES ($1, $2, $3, 'push', 'pending') \
         ON CONFLICT (connector_id) DO UPDATE SET watch_type = 'push', state = 'pending', expires_at = NULL, \
            updated_at = clock_timestamp() \
         WHERE watches.watch_type <> 'push' OR watches.state = 'stopped'")
    .binds((new_id, tenant, connector))
    .execute(tx)
    .await?;
    Ok(())
}

/// Sets what is watched and until when; returns the row with its new version.
pub async fn set(
    tx: &TenantTx,
    new_id: WatchId,
    tenant: &TenantId,
    connector: ConnectorId,
    now: WatchNow,
) -> Result<Watch, Error> {
    sql("INSERT INTO watches (id, tenant, connector_id, watch_type, state, history_id, expires_at, silent, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) \
         ON CONFLICT (connector_id) DO UPDATE SET watch_type = excluded.watch_type, state = excluded.state, \
            history_id = excluded.history_id, expires_at = excluded.expires_at, silent = excluded.silent, \
            version = watches.version + 1, \
            updated_at = clock_timestamp() \
         RETURNING id, watch_type, state, history_id, expires_at, silent, version")
    .binds((new_id, tenant, connector, now.watch_type, now.state, now.history_id, now.expires_at, now.silent))
    .get_result(tx)
    .await
}
