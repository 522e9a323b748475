//! `credentials`: sealed tokens. Tenant role. Every write moves the version, every conditional write names the version
//! it was decided on, so that an old answer of Google never overwrites a newer credential.

use postrider_domain::{ConnectorId, TenantId, Timestamp};
use postrider_storage::types::{BigInt, Bool, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

/// A connector's tokens as they are stored.
#[derive(Debug, Clone, QueryableByName)]
pub struct Credential {
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    /// Absent once the grant was found dead or the connector was ended.
    #[diesel(sql_type = Nullable<Text>)]
    pub refresh_sealed: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub access_sealed: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub access_expires_at: Option<Timestamp>,
    /// Somebody is asking Google for a new access token at the moment.
    #[diesel(sql_type = Bool)]
    pub refreshing: bool,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = BigInt)]
    version: i64,
}

/// Sealed tokens to store.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub refresh: String,
    pub access: String,
    pub access_expires_at: Timestamp,
}

/// The connector's tokens.
pub async fn find(tx: &mut Tx, connector: ConnectorId) -> Result<Option<Credential>, Error> {
    sql("SELECT version, refresh_sealed, access_sealed, access_expires_at, \
            coalesce(refreshing_until > clock_timestamp(), false) AS refreshing \
         FROM credentials WHERE connector_id = $1")
    .bind_as::<SqlUuid, _>(connector.0)
    .optional(tx)
    .await
}

/// Stores the tokens of a new consent, whatever was there. Answers the new version.
pub async fn replace(tx: &mut Tx, connector: ConnectorId, tenant: &TenantId, sealed: Sealed) -> Result<i64, Error> {
    let row = sql("INSERT INTO credentials \
            (connector_id, tenant, version, refresh_sealed, access_sealed, access_expires_at) \
         VALUES ($1, $2, 1, $3, $4, $5) \
         ON CONFLICT (connector_id) DO UPDATE SET version = credentials.version + 1, \
            refresh_sealed = excluded.refresh_sealed, access_sealed = excluded.access_sealed, \
            access_expires_at = excluded.access_expires_at, refresher = NULL, refreshing_until = NULL, \
            updated_at = clock_timestamp() \
         RETURNING version")
    .bind_as::<SqlUuid, _>(connector.0)
    .bind_as::<Text, _>(tenant.as_str().to_owned())
    .bind_as::<Text, _>(sealed.refresh)
    .bind_as::<Text, _>(sealed.access)
    .bind_as::<Timestamptz, _>(sealed.access_expires_at)
    .get_result::<VersionRow>(tx)
    .await?;
    Ok(row.version)
}

/// Claims the refresh of one version for `seconds` of database time: one caller of all replicas wins.
pub async fn claim_refresh(
    tx: &mut Tx,
    connector: ConnectorId,
    version: i64,
    refresher: Uuid,
    seconds: f64,
) -> Result<bool, Error> {
    let touched = sql("UPDATE credentials SET refresher = $3, \
            refreshing_until = clock_timestamp() + make_interval(secs => $4) \
         WHERE connector_id = $1 AND version = $2 AND refresh_sealed IS NOT NULL \
           AND (refreshing_until IS NULL OR refreshing_until <= clock_timestamp())")
    .bind_as::<SqlUuid, _>(connector.0)
    .bind_as::<BigInt, _>(version)
    .bind_as::<SqlUuid, _>(refresher)
    .bind_as::<Double, _>(seconds)
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Gives a claim up without a result.
pub async fn release_refresh(tx: &mut Tx, connector: ConnectorId, refresher: Uuid) -> Result<(), Error> {
    sql("UPDATE credentials SET refresher = NULL, refreshing_until = NULL WHERE connector_id = $1 AND refresher = $2")
        .bind_as::<SqlUuid, _>(connector.0)
        .bind_as::<SqlUuid, _>(refresher)
        .execute(tx)
        .await?;
    Ok(())
}

/// Stores Google's answer to a refresh if the credential is still the one it was asked for; answers the new version.
pub async fn store_refreshed(
    tx: &mut Tx,
    connector: ConnectorId,
    version: i64,
    sealed: Sealed,
) -> Result<Option<i64>, Error> {
    let row = sql("UPDATE credentials SET version = version + 1, refresh_sealed = $3, access_sealed = $4, \
            access_expires_at = $5, refresher = NULL, refreshing_until = NULL, updated_at = clock_timestamp() \
         WHERE connector_id = $1 AND version = $2 RETURNING version")
    .bind_as::<SqlUuid, _>(connector.0)
    .bind_as::<BigInt, _>(version)
    .bind_as::<Text, _>(sealed.refresh)
    .bind_as::<Text, _>(sealed.access)
    .bind_as::<Timestamptz, _>(sealed.access_expires_at)
    .optional::<VersionRow>(tx)
    .await?;
    Ok(row.map(|row| row.version))
}

/// Takes the tokens away if they are still the ones `version` names. `keep_refresh` keeps the refresh token, for a
/// grant that lives but is too small. Answers whether it did.
pub async fn mark_dead(tx: &mut Tx, connector: ConnectorId, version: i64, keep_refresh: bool) -> Result<bool, Error> {
    let touched = sql("UPDATE credentials SET version = version + 1, access_sealed = NULL, access_expires_at = NULL, \
            refresh_sealed = CASE WHEN $3 THEN refresh_sealed END, refresher = NULL, refreshing_until = NULL, \
            updated_at = clock_timestamp() \
         WHERE connector_id = $1 AND version = $2")
    .bind_as::<SqlUuid, _>(connector.0)
    .bind_as::<BigInt, _>(version)
    .bind_as::<Bool, _>(keep_refresh)
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Takes the tokens away whatever they are: the connector was ended.
pub async fn clear(tx: &mut Tx, connector: ConnectorId) -> Result<(), Error> {
    sql("UPDATE credentials SET version = version + 1, refresh_sealed = NULL, access_sealed = NULL, \
            access_expires_at = NULL, refresher = NULL, refreshing_until = NULL, updated_at = clock_timestamp() \
         WHERE connector_id = $1")
    .bind_as::<SqlUuid, _>(connector.0)
    .execute(tx)
    .await?;
    Ok(())
}
