//! Who else has an account: look-ups across tenants, of ids and states only.

use postrider_domain::{ConnectorId, TenantId};
use postrider_storage::{Error, SystemTx, Value, row, sql};
use uuid::Uuid;

use crate::store::google_accounts::Account;

row! {
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
}

/// The live connectors of a Google account, whatever their tenant, in the order of their ids. An account known by its
/// address only counts as the same as one of that address, because Google's stop and revoke would hit both.
pub async fn live(tx: &SystemTx, account: &Account) -> Result<Vec<Member>, Error> {
    sql("SELECT c.id AS connector, c.tenant, a.id AS account, a.watch_topic AS topic, \
            coalesce(w.watch_type = 'push' AND w.state <> 'stopped', false) AS watched \
         FROM google_accounts a JOIN connectors c ON c.account_id = a.id \
         LEFT JOIN watches w ON w.connector_id = c.id \
         WHERE c.status IN ('active', 'paused') \
           AND (a.id = $1 OR (a.address_key = $2 AND (a.by_address OR $3))) \
         ORDER BY c.id")
    .binds((account.id, &account.address_key, account.by_address))
    .load(tx)
    .await
}

/// Live connectors of these OAuth clients after `after` that are not watched on this topic and whose owner did not stop
/// that, in the order of their ids.
pub async fn elsewhere(
    tx: &SystemTx,
    topic: &str,
    client_ids: &[String],
    after: ConnectorId,
    limit: i64,
) -> Result<Vec<Member>, Error> {
    sql("SELECT c.id AS connector, c.tenant, a.id AS account, a.watch_topic AS topic, \
            coalesce(w.watch_type = 'push', false) AS watched \
         FROM connectors c JOIN google_accounts a ON a.id = c.account_id JOIN google_apps g ON g.id = a.app_id \
         LEFT JOIN watches w ON w.connector_id = c.id \
         WHERE c.id > $3 AND c.status IN ('active', 'paused') AND g.client_id = ANY ($2) \
           AND (w.connector_id IS NULL OR w.state <> 'stopped' \
                AND (w.watch_type <> 'push' OR NOT a.watch_wanted OR a.watch_topic IS DISTINCT FROM $1)) \
         ORDER BY c.id LIMIT $4")
    .binds((topic, client_ids, after, limit))
    .load(tx)
    .await
}

/// How many live connectors besides one hang on exactly this account row.
pub async fn live_besides(tx: &SystemTx, account: &Account, connector: ConnectorId) -> Result<i64, Error> {
    let count = sql("SELECT count(*) AS value FROM connectors \
         WHERE account_id = $1 AND id <> $2 AND status IN ('active', 'paused')")
    .binds((account.id, connector))
    .get_result::<Value<i64>>(tx)
    .await?;
    Ok(count.0)
}

/// The tenant a connector belongs to, for callers that know its id only.
pub async fn tenant_of(tx: &SystemTx, connector: ConnectorId) -> Result<Option<TenantId>, Error> {
    let tenant = sql("SELECT tenant AS value FROM connectors WHERE id = $1")
        .bind(connector)
        .optional::<Value<TenantId>>(tx)
        .await?;
    Ok(tenant.map(|tenant| tenant.0))
}

row! {
    /// Where a connector's rows are.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Place {
        pub connector: ConnectorId,
        pub tenant: TenantId,
    }
}

/// All connectors after `after`, whatever their state, in the order of their ids.
pub async fn page(tx: &SystemTx, after: ConnectorId, limit: i64) -> Result<Vec<Place>, Error> {
    sql("SELECT id AS connector, tenant FROM connectors WHERE id > $1 ORDER BY id LIMIT $2")
        .binds((after, limit))
        .load(tx)
        .await
}
