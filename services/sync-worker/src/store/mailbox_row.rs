//! A row of `mailboxes` as the engine reads it.

use postrider_domain::{ConnectorId, HistoryId, TenantId, Timestamp, UserId};
use postrider_storage::types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName};
use uuid::Uuid;

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

/// The engine's view of a mailbox.
#[derive(Debug, Clone)]
pub struct Mailbox {
    pub connector: ConnectorId,
    pub tenant: TenantId,
    pub owner: UserId,
    pub google_sub: String,
    pub status: String,
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

/// Columns of [`Row`].
macro_rules! mailbox_columns {
    () => {
        "m.connector_id, m.tenant, m.owner, m.google_sub, m.status, m.poll_interval_seconds, m.monitored, \
         CASE WHEN m.watch_type = 'push' THEN m.watch_expires_at END AS push_until, m.generation, m.cursor, \
         m.caught_up_at, m.epoch, m.requested, m.attempts, m.connector_version, m.first_synced_at, m.labels_synced_at, \
         coalesce((m.settings ->> 'sync_since_ms')::bigint, 0) AS sync_since_ms"
    };
}
pub(super) use mailbox_columns;

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = SqlUuid)]
    connector_id: Uuid,
    #[diesel(sql_type = Text)]
    tenant: String,
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Text)]
    google_sub: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Integer)]
    poll_interval_seconds: i32,
    #[diesel(sql_type = Bool)]
    monitored: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    push_until: Option<Timestamp>,
    #[diesel(sql_type = Integer)]
    generation: i32,
    #[diesel(sql_type = Nullable<BigInt>)]
    cursor: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    caught_up_at: Option<Timestamp>,
    #[diesel(sql_type = BigInt)]
    epoch: i64,
    #[diesel(sql_type = BigInt)]
    requested: i64,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = BigInt)]
    connector_version: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first_synced_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    labels_synced_at: Option<Timestamp>,
    #[diesel(sql_type = BigInt)]
    sync_since_ms: i64,
}

impl TryFrom<Row> for Mailbox {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let text = |error: postrider_domain::ParseIdError| Error::Other(error.to_string());
        Ok(Self {
            connector: ConnectorId(row.connector_id),
            tenant: TenantId::parse(row.tenant).map_err(text)?,
            owner: UserId::parse(row.owner).map_err(text)?,
            google_sub: row.google_sub,
            status: row.status,
            poll_interval_seconds: row.poll_interval_seconds,
            push_until: row.push_until,
            monitored: row.monitored,
            generation: row.generation,
            cursor: row.cursor.map(HistoryId::from_i64),
            caught_up_at: row.caught_up_at,
            epoch: row.epoch,
            requested: row.requested,
            attempts: row.attempts,
            connector_version: row.connector_version,
            first_synced_at: row.first_synced_at,
            labels_synced_at: row.labels_synced_at,
            sync_since_ms: row.sync_since_ms,
        })
    }
}
