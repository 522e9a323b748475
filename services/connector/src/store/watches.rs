//! `watches`: a connector's share in its account's watch. Tenant role. Each change moves the version its event carries.

use postrider_domain::{ConnectorId, TenantId, Timestamp};
use postrider_storage::types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

/// A connector's watch.
#[derive(Debug, Clone, QueryableByName)]
pub struct Watch {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Text)]
    pub watch_type: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub history_id: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub expires_at: Option<Timestamp>,
    #[diesel(sql_type = BigInt)]
    pub version: i64,
}

/// The connector's watch, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, connector: ConnectorId) -> Result<Option<Watch>, Error> {
    sql("SELECT id, watch_type, state, history_id, expires_at, version FROM watches \
         WHERE connector_id = $1 FOR UPDATE")
    .bind_as::<SqlUuid, _>(connector.0)
    .optional(tx)
    .await
}

/// Asks for a push watch; a running one stays as it is.
pub async fn want_push(tx: &mut Tx, new_id: Uuid, tenant: &TenantId, connector: ConnectorId) -> Result<(), Error> {
    sql("INSERT INTO watches (id, tenant, connector_id, watch_type, state) VALUES ($1, $2, $3, 'push', 'pending') \
         ON CONFLICT (connector_id) DO UPDATE SET watch_type = 'push', state = 'pending', expires_at = NULL, \
            updated_at = clock_timestamp() \
         WHERE watches.watch_type <> 'push' OR watches.state = 'stopped'")
    .bind_as::<SqlUuid, _>(new_id)
    .bind_as::<Text, _>(tenant.as_str().to_owned())
    .bind_as::<SqlUuid, _>(connector.0)
    .execute(tx)
    .await?;
    Ok(())
}

/// Sets what is watched and until when; answers the row with its new version.
pub async fn set(
    tx: &mut Tx,
    new_id: Uuid,
    tenant: &TenantId,
    connector: ConnectorId,
    now: WatchNow<'_>,
) -> Result<Watch, Error> {
    sql("INSERT INTO watches (id, tenant, connector_id, watch_type, state, history_id, expires_at, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1) \
         ON CONFLICT (connector_id) DO UPDATE SET watch_type = excluded.watch_type, state = excluded.state, \
            history_id = excluded.history_id, expires_at = excluded.expires_at, version = watches.version + 1, \
            updated_at = clock_timestamp() \
         RETURNING id, watch_type, state, history_id, expires_at, version")
    .bind_as::<SqlUuid, _>(new_id)
    .bind_as::<Text, _>(tenant.as_str().to_owned())
    .bind_as::<SqlUuid, _>(connector.0)
    .bind_as::<Text, _>(now.watch_type)
    .bind_as::<Text, _>(now.state)
    .bind_as::<BigInt, _>(now.history_id)
    .bind_as::<Nullable<Timestamptz>, _>(now.expires_at)
    .get_result(tx)
    .await
}

/// The new state of a watch.
#[derive(Debug, Clone, Copy)]
pub struct WatchNow<'a> {
    /// `push` or `polling`.
    pub watch_type: &'a str,
    /// `active`, `lapsed` or `stopped`.
    pub state: &'a str,
    pub history_id: i64,
    pub expires_at: Option<Timestamp>,
}
