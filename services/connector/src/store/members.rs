//! Who else has an account: the cross-tenant look-ups of the control side. System role; ids and states only.

use postrider_domain::{ConnectorId, TenantId};
use postrider_storage::types::{Bool, Nullable, Text, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use super::google_accounts::Account;

/// A live connector (active or paused) of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub connector: ConnectorId,
    pub tenant: TenantId,
    /// The row it hangs on; see [`live`] for why that may be another one than was asked about.
    pub account: Uuid,
    /// It has a share in the account's push watch.
    pub watched: bool,
    /// The topic its account is to be watched on.
    pub topic: Option<String>,
}

#[derive(QueryableByName)]
struct MemberRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    tenant: String,
    #[diesel(sql_type = SqlUuid)]
    account: Uuid,
    #[diesel(sql_type = Bool)]
    watched: bool,
    #[diesel(sql_type = Nullable<Text>)]
    topic: Option<String>,
}

/// The live connectors of a Google account, whatever their tenant, in the order of their ids. An account known by its
/// address only counts as the same as one of that address, because Google's stop and revoke would hit both.
pub async fn live(tx: &mut Tx, account: &Account) -> Result<Vec<Member>, Error> {
    let rows: Vec<MemberRow> = sql("SELECT c.id, c.tenant, a.id AS account, a.watch_topic AS topic, \
            coalesce(w.watch_type = 'push' AND w.state <> 'stopped', false) AS watched \
         FROM google_accounts a JOIN connectors c ON c.account_id = a.id \
         LEFT JOIN watches w ON w.connector_id = c.id \
         WHERE c.status IN ('active', 'paused') \
           AND (a.id = $1 OR (a.address_key = $2 AND (a.by_address OR $3))) \
         ORDER BY c.id")
    .bind_as::<SqlUuid, _>(account.id)
    .bind_as::<Text, _>(account.address_key.clone())
    .bind_as::<Bool, _>(account.by_address)
    .load(tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let tenant = TenantId::parse(row.tenant).map_err(|error| Error::Other(error.to_string()))?;
            let MemberRow { id, account, watched, topic, .. } = row;
            Ok(Member { connector: ConnectorId(id), tenant, account, watched, topic })
        })
        .collect()
}

/// The tenant a connector belongs to, for callers that know its id only.
pub async fn tenant_of(tx: &mut Tx, connector: ConnectorId) -> Result<Option<TenantId>, Error> {
    let row = sql("SELECT tenant FROM connectors WHERE id = $1")
        .bind_as::<SqlUuid, _>(connector.0)
        .optional::<TenantRow>(tx)
        .await?;
    row.map(|row| TenantId::parse(row.tenant).map_err(|error| Error::Other(error.to_string()))).transpose()
}

#[derive(QueryableByName)]
struct TenantRow {
    #[diesel(sql_type = Text)]
    tenant: String,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = postrider_storage::types::BigInt)]
    count: i64,
}

/// How many live connectors besides one hang on exactly this account row.
pub async fn live_besides(tx: &mut Tx, account: &Account, connector: ConnectorId) -> Result<i64, Error> {
    let row = sql("SELECT count(*) AS count FROM connectors \
         WHERE account_id = $1 AND id <> $2 AND status IN ('active', 'paused')")
    .bind_as::<SqlUuid, _>(account.id)
    .bind_as::<SqlUuid, _>(connector.0)
    .get_result::<CountRow>(tx)
    .await?;
    Ok(row.count)
}
