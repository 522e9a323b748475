//! `accounts`: the projection of the connector service.

use postrider_contracts::connector::ConnectorState;
use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use crate::rules::Account;

#[derive(QueryableByName)]
struct AccountRow {
    #[diesel(sql_type = SqlUuid)]
    account_id: Uuid,
    #[diesel(sql_type = Text)]
    user_id: String,
    #[diesel(sql_type = Text)]
    email_address: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Bool)]
    erase: bool,
    #[diesel(sql_type = Text)]
    label_filter_action: String,
    #[diesel(sql_type = Array<Text>)]
    label_ids: Vec<String>,
    #[diesel(sql_type = Bool)]
    include_spam_trash: bool,
    #[diesel(sql_type = Timestamptz)]
    version_at: Timestamp,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first_sync_at: Option<Timestamp>,
}

impl TryFrom<AccountRow> for Account {
    type Error = Error;

    fn try_from(row: AccountRow) -> Result<Self, Error> {
        let owner = UserId::parse(row.user_id).map_err(|error| Error::Other(error.to_string()))?;
        Ok(Self {
            id: ConnectorId(row.account_id),
            owner,
            email_address: row.email_address,
            status: row.status,
            erase: row.erase,
            label_filter_action: row.label_filter_action,
            label_ids: row.label_ids,
            include_spam_trash: row.include_spam_trash,
            version_at: row.version_at,
            first_sync_at: row.first_sync_at,
        })
    }
}

/// The account, or nothing.
pub async fn find(tx: &Tx, tenant: &TenantId, id: ConnectorId) -> Result<Option<Account>, Error> {
    sql(
        "SELECT account_id, user_id, email_address, status, erase, label_filter_action, label_ids, include_spam_trash, \
                version_at, first_sync_at \
         FROM accounts WHERE tenant = $1 AND account_id = $2",
    )
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(id.0)
    .optional::<AccountRow>(tx)
    .await?
    .map(Account::try_from)
    .transpose()
}

/// The account; a row with version 0 is made where a mail came before the first connector event, so that the mail
/// need not wait for it. The connector event fills the row in.
pub async fn find_or_expect(
    tx: &Tx,
    tenant: &TenantId,
    owner: &UserId,
    id: ConnectorId,
    at: Timestamp,
) -> Result<Account, Error> {
    if let Some(account) = find(tx, tenant, id).await? {
        return Ok(account);
    }
    sql("INSERT INTO accounts (tenant, account_id, user_id, version_at, created_at, updated_at) \
         VALUES ($1, $2, $3, 'epoch', $4, $4) ON CONFLICT (tenant, account_id) DO NOTHING")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(id.0)
    .bind_as::<Text, _>(owner.as_str())
    .bind_as::<Timestamptz, _>(at)
    .execute(tx)
    .await?;
    find(tx, tenant, id).await?.ok_or(Error::NotFound)
}

/// Takes a connector event if its version is newer than what the row holds; answers whether it was.
pub async fn apply(
    tx: &Tx,
    tenant: &TenantId,
    id: ConnectorId,
    state: &ConnectorState,
    event_time: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let settings = state.settings.clone().unwrap_or_default();
    let touched =
        sql("INSERT INTO accounts AS a (tenant, account_id, user_id, email_address, display_name, status, erase, \
             label_filter_action, label_ids, include_spam_trash, version, version_at, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) \
         ON CONFLICT (tenant, account_id) DO UPDATE SET \
             user_id = excluded.user_id, email_address = excluded.email_address, \
             display_name = excluded.display_name, status = excluded.status, erase = excluded.erase, \
             label_filter_action = excluded.label_filter_action, label_ids = excluded.label_ids, \
             include_spam_trash = excluded.include_spam_trash, version = excluded.version, \
             version_at = excluded.version_at, updated_at = excluded.updated_at \
         WHERE a.version < excluded.version")
        .bind_as::<Text, _>(tenant.as_str())
        .bind_as::<SqlUuid, _>(id.0)
        .bind_as::<Text, _>(state.owner.as_str())
        .bind_as::<Text, _>(state.email_address.as_str())
        .bind_as::<Text, _>(state.display_name.as_str())
        .bind_as::<Text, _>(state.status.as_str())
        .bind_as::<Bool, _>(state.erase)
        .bind_as::<Text, _>(settings.label_filter_action)
        .bind_as::<Array<Text>, _>(settings.label_ids)
        .bind_as::<Bool, _>(settings.include_spam_trash)
        .bind_as::<BigInt, _>(state.version)
        .bind_as::<Timestamptz, _>(event_time)
        .bind_as::<Timestamptz, _>(now)
        .execute(tx)
        .await?;
    Ok(touched == 1)
}

/// Notes that the account's first complete sync was reported.
pub async fn mark_first_sync(tx: &Tx, tenant: &TenantId, id: ConnectorId, at: Timestamp) -> Result<(), Error> {
    sql("UPDATE accounts SET first_sync_at = $3, updated_at = $3 \
         WHERE tenant = $1 AND account_id = $2 AND first_sync_at IS NULL")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(id.0)
    .bind_as::<Timestamptz, _>(at)
    .execute(tx)
    .await?;
    Ok(())
}
