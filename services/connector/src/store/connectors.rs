//! `connectors`: who connected which account, and what they chose. Tenant role, but for the two functions that say
//! otherwise.

use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use crate::rules::settings::Settings;
use crate::rules::status::Status;

/// A connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    pub id: ConnectorId,
    pub tenant: TenantId,
    pub owner: UserId,
    pub google_sub: String,
    pub account_id: Uuid,
    pub display_name: String,
    pub email_address: String,
    pub address_key: String,
    pub status: Status,
    /// Why, for `reauth_required`.
    pub status_reason: String,
    pub granted_scopes: String,
    pub settings: Settings,
    pub version: i64,
    pub erase_run_id: Option<Uuid>,
    pub check_due_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A row as it is stored.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    tenant: String,
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Text)]
    google_sub: String,
    #[diesel(sql_type = SqlUuid)]
    account_id: Uuid,
    #[diesel(sql_type = Text)]
    display_name: String,
    #[diesel(sql_type = Text)]
    email_address: String,
    #[diesel(sql_type = Text)]
    address_key: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Text)]
    status_reason: String,
    #[diesel(sql_type = Text)]
    granted_scopes: String,
    #[diesel(sql_type = Jsonb)]
    settings: serde_json::Value,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    erase_run_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    check_due_at: Option<Timestamp>,
    #[diesel(sql_type = Timestamptz)]
    created_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    updated_at: Timestamp,
}

impl TryFrom<Row> for Connector {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let broken = |error: &dyn std::fmt::Display| Error::Other(format!("connector {}: {error}", row.id));
        Ok(Self {
            id: ConnectorId(row.id),
            tenant: TenantId::parse(row.tenant).map_err(|error| broken(&error))?,
            owner: UserId::parse(row.owner).map_err(|error| broken(&error))?,
            google_sub: row.google_sub,
            account_id: row.account_id,
            display_name: row.display_name,
            email_address: row.email_address,
            address_key: row.address_key,
            status: Status::of(&row.status),
            status_reason: row.status_reason,
            granted_scopes: row.granted_scopes,
            settings: serde_json::from_value(row.settings).map_err(|error| broken(&error))?,
            version: row.version,
            erase_run_id: row.erase_run_id,
            check_due_at: row.check_due_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A select over all columns with the given end. The one macro of this crate: statements are cached by their text, so
/// the text must be put together at compile time.
macro_rules! select {
    ($end:literal) => {
        concat!(
            "SELECT id, tenant, owner, google_sub, account_id, display_name, email_address, address_key, status, \
                status_reason, granted_scopes, settings, version, erase_run_id, check_due_at, created_at, updated_at \
             FROM connectors ",
            $end
        )
    };
}

/// An owner's connector.
pub async fn find(tx: &mut Tx, owner: &UserId, id: ConnectorId) -> Result<Option<Connector>, Error> {
    let row = sql(select!("WHERE id = $1 AND owner = $2"))
        .bind_as::<SqlUuid, _>(id.0)
        .bind_as::<Text, _>(owner.as_str().to_owned())
        .optional::<Row>(tx)
        .await?;
    row.map(Connector::try_from).transpose()
}

/// A connector of the tenant, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: ConnectorId) -> Result<Option<Connector>, Error> {
    let row = sql(select!("WHERE id = $1 FOR UPDATE")).bind_as::<SqlUuid, _>(id.0).optional::<Row>(tx).await?;
    row.map(Connector::try_from).transpose()
}

/// A connector of the tenant.
pub async fn get(tx: &mut Tx, id: ConnectorId) -> Result<Option<Connector>, Error> {
    let row = sql(select!("WHERE id = $1")).bind_as::<SqlUuid, _>(id.0).optional::<Row>(tx).await?;
    row.map(Connector::try_from).transpose()
}

/// The owner's connector of that Google account, locked.
pub async fn lock_by_sub(tx: &mut Tx, owner: &UserId, sub: &str) -> Result<Option<Connector>, Error> {
    let row = sql(select!("WHERE owner = $1 AND provider = 'gmail' AND google_sub = $2 FOR UPDATE"))
        .bind_as::<Text, _>(owner.as_str().to_owned())
        .bind_as::<Text, _>(sub.to_owned())
        .optional::<Row>(tx)
        .await?;
    row.map(Connector::try_from).transpose()
}

/// The owner's connector of that address, locked; the one that is not ended first, then the newest.
pub async fn lock_by_address(tx: &mut Tx, owner: &UserId, address_key: &str) -> Result<Option<Connector>, Error> {
    let row = sql(select!(
        "WHERE owner = $1 AND address_key = $2 ORDER BY status = 'disconnected', id DESC LIMIT 1 FOR UPDATE"
    ))
    .bind_as::<Text, _>(owner.as_str().to_owned())
    .bind_as::<Text, _>(address_key.to_owned())
    .optional::<Row>(tx)
    .await?;
    row.map(Connector::try_from).transpose()
}

/// The owner's connectors that are not ended, oldest first, up to `limit`.
pub async fn list_open(tx: &mut Tx, owner: &UserId, limit: i64) -> Result<Vec<Connector>, Error> {
    let rows = sql(select!("WHERE owner = $1 AND status <> 'disconnected' ORDER BY id LIMIT $2"))
        .bind_as::<Text, _>(owner.as_str().to_owned())
        .bind_as::<BigInt, _>(limit)
        .load::<Row>(tx)
        .await?;
    rows.into_iter().map(Connector::try_from).collect()
}

/// Stores a new connector.
pub async fn insert(tx: &mut Tx, new: &Connector) -> Result<(), Error> {
    sql(
        "INSERT INTO connectors (id, tenant, owner, google_sub, account_id, display_name, email_address, address_key, \
            status, status_reason, granted_scopes, settings, version, check_due_at, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind_as::<SqlUuid, _>(new.id.0)
    .bind_as::<Text, _>(new.tenant.as_str().to_owned())
    .bind_as::<Text, _>(new.owner.as_str().to_owned())
    .bind_as::<Text, _>(new.google_sub.clone())
    .bind_as::<SqlUuid, _>(new.account_id)
    .bind_as::<Text, _>(new.display_name.clone())
    .bind_as::<Text, _>(new.email_address.clone())
    .bind_as::<Text, _>(new.address_key.clone())
    .bind_as::<Text, _>(new.status.as_str())
    .bind_as::<Text, _>(new.status_reason.clone())
    .bind_as::<Text, _>(new.granted_scopes.clone())
    .bind_as::<Jsonb, _>(json(&new.settings)?)
    .bind_as::<BigInt, _>(new.version)
    .bind_as::<Nullable<Timestamptz>, _>(new.check_due_at)
    .bind_as::<Timestamptz, _>(new.created_at)
    .bind_as::<Timestamptz, _>(new.updated_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Stores a changed connector whose version was moved on by one; [`Error::NotFound`] if somebody else moved it first.
pub async fn save(tx: &mut Tx, changed: &Connector) -> Result<(), Error> {
    let touched =
        sql("UPDATE connectors SET google_sub = $3, account_id = $4, display_name = $5, email_address = $6, \
            address_key = $7, status = $8, status_reason = $9, granted_scopes = $10, settings = $11, \
            version = $2, erase_run_id = $12, check_due_at = $13, updated_at = $14 \
         WHERE id = $1 AND version = $2 - 1")
        .bind_as::<SqlUuid, _>(changed.id.0)
        .bind_as::<BigInt, _>(changed.version)
        .bind_as::<Text, _>(changed.google_sub.clone())
        .bind_as::<SqlUuid, _>(changed.account_id)
        .bind_as::<Text, _>(changed.display_name.clone())
        .bind_as::<Text, _>(changed.email_address.clone())
        .bind_as::<Text, _>(changed.address_key.clone())
        .bind_as::<Text, _>(changed.status.as_str())
        .bind_as::<Text, _>(changed.status_reason.clone())
        .bind_as::<Text, _>(changed.granted_scopes.clone())
        .bind_as::<Jsonb, _>(json(&changed.settings)?)
        .bind_as::<Nullable<SqlUuid>, _>(changed.erase_run_id)
        .bind_as::<Nullable<Timestamptz>, _>(changed.check_due_at)
        .bind_as::<Timestamptz, _>(changed.updated_at)
        .execute(tx)
        .await?;
    if touched == 1 { Ok(()) } else { Err(Error::NotFound) }
}

/// When to look at the grant next; no version moves, nobody is told. Both roles.
pub async fn mark_check_due(tx: &mut Tx, id: ConnectorId, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE connectors SET check_due_at = $2 WHERE id = $1")
        .bind_as::<SqlUuid, _>(id.0)
        .bind_as::<Timestamptz, _>(due)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes connectors whose grant is due for a look, pushing them to `next` so that other replicas leave them alone.
/// System role.
pub async fn claim_checks(
    tx: &mut Tx,
    now: Timestamp,
    next: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, ConnectorId)>, Error> {
    let rows = sql("UPDATE connectors SET check_due_at = $2 \
         WHERE id IN (SELECT id FROM connectors WHERE check_due_at <= $1 AND status IN ('active', 'paused') \
                      ORDER BY check_due_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
         RETURNING id, tenant")
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Timestamptz, _>(next)
    .bind_as::<BigInt, _>(limit)
    .load::<CheckRow>(tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let tenant = TenantId::parse(row.tenant).map_err(|error| Error::Other(error.to_string()))?;
            Ok((tenant, ConnectorId(row.id)))
        })
        .collect()
}

#[derive(QueryableByName)]
struct CheckRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    tenant: String,
}

fn json(settings: &Settings) -> Result<serde_json::Value, Error> {
    serde_json::to_value(settings).map_err(|error| Error::Other(error.to_string()))
}
