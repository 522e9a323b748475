//! `google_accounts`: a Google account for one OAuth client (`google_apps`, their ids), outside tenancy. Its watch columns
//! are [`watch`]'s.

pub mod watch;

use postrider_domain::{HistoryId, IdGen, Timestamp};
use postrider_storage::{Error, SystemTx, Tx, Value, row, sql};
use uuid::Uuid;

use crate::rules::identity::Identity;

row! {
    /// An account and its watch.
    #[derive(Debug, Clone)]
    pub struct Account {
        pub id: Uuid,
        pub address_key: String,
        pub by_address: bool,
        pub grant_ended_at: Option<Timestamp>,
        pub watch_wanted: bool,
        pub watch_topic: Option<String>,
        pub watch_history_id: Option<HistoryId>,
        pub watch_expires_at: Option<Timestamp>,
        /// Since when pushes do not come though Google watches.
        pub watch_silent_since: Option<Timestamp>,
        pub watch_attempts: i32,
    }
}

macro_rules! account_columns {
    () => {
        "id, address_key, by_address, grant_ended_at, watch_wanted, watch_topic, watch_history_id, watch_expires_at, \
         watch_silent_since, watch_attempts"
    };
}
use account_columns;

/// Nothing is left to do at Google for account `a`, and all its connectors were erased.
macro_rules! only_erased {
    () => {
        "a.address_key <> '' AND a.watch_due_at IS NULL AND a.watch_expires_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM grant_endings g WHERE g.account_id = a.id) \
         AND NOT EXISTS (SELECT 1 FROM connectors c WHERE c.account_id = a.id AND c.erase_run_id IS NULL)"
    };
}

/// Serialises everything that decides about one address: connecting and disconnecting. Two rows may be the same account
/// (one known by `sub`, one by address), so a row lock is not enough.
pub async fn lock_address(tx: &Tx, address_key: &str) -> Result<(), Error> {
    sql("SELECT pg_advisory_xact_lock(hashtextextended('postrider.google_account.' || $1, 0))")
        .bind(address_key)
        .execute(tx)
        .await?;
    Ok(())
}

/// The account of an identity for an OAuth client, made if it is new; its address follows Google's. The row is locked.
pub async fn upsert(tx: &SystemTx, ids: &dyn IdGen, client_id: &str, who: &Identity) -> Result<Account, Error> {
    let app = match find_app(tx, client_id).await? {
        Some(known) => known,
        None => insert_app(tx, ids.uuid(), client_id).await?,
    };
    sql(concat!(
        "INSERT INTO google_accounts (id, app_id, sub, by_address, email_address, address_key) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (app_id, sub) DO UPDATE SET email_address = excluded.email_address, \
            address_key = excluded.address_key, updated_at = clock_timestamp() RETURNING ",
        account_columns!()
    ))
    .binds((ids.uuid(), app, &who.sub, who.by_address, &who.address, who.address.lookup_key()))
    .get_result(tx)
    .await
}

/// Somebody else may make it at the same time: theirs counts.
async fn insert_app(tx: &SystemTx, id: Uuid, client_id: &str) -> Result<Uuid, Error> {
    sql("INSERT INTO google_apps (id, client_id) VALUES ($1, $2) ON CONFLICT (client_id) DO NOTHING")
        .binds((id, client_id))
        .execute(tx)
        .await?;
    find_app(tx, client_id).await?.ok_or(Error::NotFound)
}

async fn find_app(tx: &SystemTx, client_id: &str) -> Result<Option<Uuid>, Error> {
    let id = sql("SELECT id AS value FROM google_apps WHERE client_id = $1").bind(client_id);
    Ok(id.optional::<Value<Uuid>>(tx).await?.map(|id| id.0))
}

/// The OAuth client an account consented to.
pub async fn client_of(tx: &SystemTx, account: Uuid) -> Result<Option<String>, Error> {
    let id = sql("SELECT g.client_id AS value FROM google_accounts a JOIN google_apps g ON g.id = a.app_id \
         WHERE a.id = $1")
    .bind(account);
    Ok(id.optional::<Value<String>>(tx).await?.map(|id| id.0))
}

/// The account, locked until the transaction ends.
pub async fn lock(tx: &SystemTx, id: Uuid) -> Result<Account, Error> {
    sql(concat!("SELECT ", account_columns!(), " FROM google_accounts WHERE id = $1 FOR UPDATE"))
        .bind(id)
        .get_result(tx)
        .await
}

/// Remembers that the whole grant was given back: tokens issued before are dead.
pub async fn mark_grant_ended(tx: &SystemTx, id: Uuid, at: Timestamp) -> Result<(), Error> {
    sql("UPDATE google_accounts SET grant_ended_at = $2, updated_at = clock_timestamp() WHERE id = $1")
        .binds((id, at))
        .execute(tx)
        .await?;
    Ok(())
}

/// Accounts that only erased connectors still hang on, or none because their consent was refused, with nothing left to do
/// at Google, up to `limit`.
pub async fn forgettable(tx: &SystemTx, limit: i64) -> Result<Vec<Uuid>, Error> {
    let found = sql(concat!(
        "SELECT DISTINCT a.id AS value FROM connectors e JOIN google_accounts a ON a.id = e.account_id \
         WHERE e.erase_run_id IS NOT NULL AND ",
        only_erased!(),
        " UNION SELECT a.id AS value FROM google_accounts a \
         WHERE a.grant_ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM connectors c WHERE c.account_id = a.id) AND ",
        only_erased!(),
        " LIMIT $1"
    ))
    .bind(limit)
    .load::<Value<Uuid>>(tx)
    .await?;
    Ok(found.into_iter().map(|id| id.0).collect())
}

/// Takes from a locked account what says whose it was, if that is still all there is to it: somebody may have connected
/// it again before it was locked. Returns whether it did.
pub async fn forget(tx: &SystemTx, id: Uuid) -> Result<bool, Error> {
    let touched = sql(concat!(
        "UPDATE google_accounts a SET sub = 'erased:' || a.id, by_address = false, email_address = '', address_key = '', \
            last_notification_at = NULL, watch_wanted = false, watch_topic = NULL, watch_history_id = NULL, \
            updated_at = clock_timestamp() WHERE a.id = $1 AND ",
        only_erased!()
    ))
    .bind(id)
    .execute(tx)
    .await?;
    Ok(touched == 1)
}
