//! `credentials`: sealed tokens. Every write of other tokens moves the version, every conditional write names the version
//! it was decided on, so that an old answer of Google never overwrites a newer credential.

use postrider_domain::{ConnectorId, TenantId, Timestamp};
use postrider_storage::{Error, TenantTx, Value, row, sql};
use uuid::Uuid;

row! {
    /// A connector's tokens as they are stored.
    #[derive(Debug, Clone)]
    pub struct Credential {
        pub version: i64,
        /// Absent once the grant was found dead or the connector was ended.
        pub refresh_sealed: Option<String>,
        pub access_sealed: Option<String>,
        /// Absent for tokens from before it was noted.
        pub access_issued_at: Option<Timestamp>,
        pub access_expires_at: Option<Timestamp>,
        /// Somebody is asking Google for a new access token at the moment.
        pub refreshing: bool,
    }
}

/// Sealed tokens to store.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub refresh: String,
    pub access: String,
    pub access_issued_at: Timestamp,
    pub access_expires_at: Timestamp,
}

/// The connector's tokens.
pub async fn find(tx: &TenantTx, connector: ConnectorId) -> Result<Option<Credential>, Error> {
    sql("SELECT version, refresh_sealed, access_sealed, access_issued_at, access_expires_at, \
            coalesce(refreshing_until > clock_timestamp(), false) AS refreshing \
         FROM credentials WHERE connector_id = $1")
    .bind(connector)
    .optional(tx)
    .await
}

/// Stores the tokens of a new consent, whatever was there. Returns the new version.
pub async fn replace(tx: &TenantTx, connector: ConnectorId, tenant: &TenantId, sealed: Sealed) -> Result<i64, Error> {
    let row = sql("INSERT INTO credentials \
            (connector_id, tenant, version, refresh_sealed, access_sealed, access_expires_at, access_issued_at) \
         VALUES ($1, $2, 1, $3, $4, $5, $6) \
         ON CONFLICT (connector_id) DO UPDATE SET version = credentials.version + 1, \
            refresh_sealed = excluded.refresh_sealed, access_sealed = excluded.access_sealed, \
            access_expires_at = excluded.access_expires_at, access_issued_at = excluded.access_issued_at, refresher = NULL, refreshing_until = NULL, \
            updated_at = clock_timestamp() \
         RETURNING version AS value")
    .binds((connector, tenant, sealed.refresh, sealed.access, sealed.access_expires_at, sealed.access_issued_at))
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(row.0)
}

/// Claims the refresh of one version for `seconds` of database time: one caller of all replicas wins.
pub async fn claim_refresh(
    tx: &TenantTx,
    connector: ConnectorId,
    version: i64,
    refresher: Uuid,
    seconds: f64,
) -> Result<bool, Error> {
    let touched = sql("UPDATE credentials SET refresher = $3, \
            refreshing_until = clock_timestamp() + make_interval(secs => $4) \
         WHERE connector_id = $1 AND version = $2 AND refresh_sealed IS NOT NULL \
           AND (refreshing_until IS NULL OR refreshing_until <= clock_timestamp())")
    .binds((connector, version, refresher, seconds))
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Gives a claim up without a result.
pub async fn release_refresh(tx: &TenantTx, connector: ConnectorId, refresher: Uuid) -> Result<(), Error> {
    sql("UPDATE credentials SET refresher = NULL, refreshing_until = NULL WHERE connector_id = $1 AND refresher = $2")
        .binds((connector, refresher))
        .execute(tx)
        .await?;
    Ok(())
}

/// Stores Google's answer to a refresh if the credential is still the one it was asked for; returns the new version.
pub async fn store_refreshed(
    tx: &TenantTx,
    connector: ConnectorId,
    version: i64,
    sealed: Sealed,
) -> Result<Option<i64>, Error> {
    let row = sql("UPDATE credentials SET version = version + 1, refresh_sealed = $3, access_sealed = $4, \
            access_expires_at = $5, access_issued_at = $6, refresher = NULL, refreshing_until = NULL, updated_at = clock_timestamp() \
         WHERE connector_id = $1 AND version = $2 RETURNING version AS value")
    .binds((connector, version, sealed.refresh, sealed.access, sealed.access_expires_at, sealed.access_issued_at))
    .optional::<Value<i64>>(tx)
    .await?;
    Ok(row.map(|row| row.0))
}

/// Takes the tokens away if they are still the ones `version` names. `keep_refresh` keeps the refresh token, for a
/// grant that lives but is too small. Returns whether it did.
pub async fn mark_dead(tx: &TenantTx, connector: ConnectorId, version: i64, keep_refresh: bool) -> Result<bool, Error> {
    let touched = sql("UPDATE credentials SET version = version + 1, access_sealed = NULL, access_expires_at = NULL, \
            refresh_sealed = CASE WHEN $3 THEN refresh_sealed END, refresher = NULL, refreshing_until = NULL, \
            updated_at = clock_timestamp() \
         WHERE connector_id = $1 AND version = $2")
    .binds((connector, version, keep_refresh))
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Takes the tokens away whatever they are: the connector was ended. Returns the refresh token it held.
pub async fn clear(tx: &TenantTx, connector: ConnectorId) -> Result<Option<String>, Error> {
    let held = sql("UPDATE credentials SET version = version + 1, refresh_sealed = NULL, access_sealed = NULL, \
            access_expires_at = NULL, refresher = NULL, refreshing_until = NULL, updated_at = clock_timestamp() \
         FROM (SELECT refresh_sealed FROM credentials WHERE connector_id = $1 FOR UPDATE) AS held \
         WHERE connector_id = $1 RETURNING held.refresh_sealed AS value")
    .bind(connector)
    .optional::<Value<Option<String>>>(tx)
    .await?;
    Ok(held.and_then(|held| held.0))
}

/// The connector's tokens, locked until the transaction ends.
pub async fn lock(tx: &TenantTx, connector: ConnectorId) -> Result<Option<Credential>, Error> {
    sql("SELECT version, refresh_sealed, access_sealed, access_issued_at, access_expires_at, \
            coalesce(refreshing_until > clock_timestamp(), false) AS refreshing \
         FROM credentials WHERE connector_id = $1 FOR UPDATE")
    .bind(connector)
    .optional(tx)
    .await
}

/// The same tokens under other seals.
#[derive(Debug, Clone)]
pub struct Seals {
    pub refresh: Option<String>,
    pub access: Option<String>,
}

/// Stores the same tokens under other seals, if they are still the ones `version` names. The version stays: whoever holds
/// or renews these tokens goes on.
pub async fn seal_again(tx: &TenantTx, connector: ConnectorId, version: i64, seals: Seals) -> Result<bool, Error> {
    let touched =
        sql("UPDATE credentials SET refresh_sealed = $3, access_sealed = $4, updated_at = clock_timestamp() \
         WHERE connector_id = $1 AND version = $2")
        .binds((connector, version, seals.refresh, seals.access))
        .execute(tx)
        .await?;
    Ok(touched == 1)
}
