//! A row of `mailboxes` as the engine reads it.

use postrider_domain::{AccountStatus, ConnectorId, HistoryId, TenantId, Timestamp, UserId};
use postrider_storage::row;

/// Whose mailbox, under which fencing token: every commit of the engine proves it still holds both numbers.
#[derive(Debug, Clone)]
pub struct Guard {
    pub tenant: TenantId,
    pub connector: ConnectorId,
    pub epoch: i64,
    pub generation: i32,
    /// Connector's version when the mailbox was read.
    pub version: i64,
}

row! {
    /// The engine's view of a mailbox.
    #[derive(Debug, Clone)]
    pub struct Mailbox {
        pub connector: ConnectorId,
        pub tenant: TenantId,
        pub owner: UserId,
        pub google_sub: String,
        pub status: AccountStatus,
        pub poll_interval_seconds: i32,
        pub push_until: Option<Timestamp>,
        pub monitored: bool,
        pub generation: i32,
        pub cursor: Option<HistoryId>,
        pub caught_up_at: Option<Timestamp>,
        pub epoch: i64,
        pub requested: i64,
        pub attempts: i32,
        /// What connector says is applied only if its version is newer than this.
        pub connector_version: i64,
        pub first_synced_at: Option<Timestamp>,
        pub labels_synced_at: Option<Timestamp>,
        /// `sync_since` of the settings, milliseconds; 0 = all.
        pub sync_since_ms: i64,
    }
}

/// Columns of [`Mailbox`].
macro_rules! mailbox_columns {
    () => {
        "m.connector_id AS connector, m.tenant, m.owner, m.google_sub, m.status, m.poll_interval_seconds, m.monitored, \
         CASE WHEN m.watch_type = 'push' THEN m.watch_expires_at END AS push_until, m.generation, m.cursor, \
         m.caught_up_at, m.epoch, m.requested, m.attempts, m.connector_version, m.first_synced_at, m.labels_synced_at, \
         coalesce((m.settings ->> 'sync_since_ms')::bigint, 0) AS sync_since_ms"
    };
}
pub(super) use mailbox_columns;

impl Mailbox {
    /// The proof its commits carry.
    pub fn guard(&self) -> Guard {
        Guard {
            tenant: self.tenant.clone(),
            connector: self.connector,
            epoch: self.epoch,
            generation: self.generation,
            version: self.connector_version,
        }
    }
}
