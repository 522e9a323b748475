//! `grant_endings`: grants to be given back to Google.

use postrider_domain::Timestamp;
use postrider_storage::due::CLAIM_SECONDS;
use postrider_storage::{Error, SystemTx, Value, claim_due, row, sql};
use uuid::Uuid;

row! {
    /// A grant to give back.
    #[derive(Debug, Clone)]
    pub struct Ending {
        pub id: Uuid,
        pub account_id: Uuid,
        pub refresh_sealed: String,
        pub stop_watch: bool,
        pub attempts: i32,
    }
}

/// Keeps a grant to give back at once.
pub async fn insert(
    tx: &SystemTx,
    id: Uuid,
    account: Uuid,
    refresh_sealed: &str,
    stop_watch: bool,
    due: Timestamp,
) -> Result<(), Error> {
    sql("INSERT INTO grant_endings (id, account_id, refresh_sealed, stop_watch, due_at) VALUES ($1, $2, $3, $4, $5)")
        .binds((id, account, refresh_sealed, stop_watch, due))
        .execute(tx)
        .await?;
    Ok(())
}

/// Claims endings that are due; other replicas skip them for a minute.
pub async fn claim(tx: &SystemTx, now: Timestamp, limit: i64) -> Result<Vec<Ending>, Error> {
    sql(claim_due!(
        table "grant_endings",
        of "id",
        due "due_at",
        claimed "claimed_until",
        returning "id, account_id, refresh_sealed, stop_watch, attempts"
    ))
    .binds((now, limit, CLAIM_SECONDS))
    .load(tx)
    .await
}

/// Tries again at `due`; `error` is a stable word.
pub async fn postpone(tx: &SystemTx, id: Uuid, error: &str, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE grant_endings SET attempts = attempts + 1, last_error = $2, due_at = $3, claimed_until = NULL \
         WHERE id = $1")
    .binds((id, error, due))
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets an ending: done, or not wanted any more.
pub async fn delete(tx: &SystemTx, id: Uuid) -> Result<(), Error> {
    sql("DELETE FROM grant_endings WHERE id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// Takes back what was to be ended: the account was connected again. Returns how many.
pub async fn cancel(tx: &SystemTx, account: Uuid) -> Result<usize, Error> {
    sql("DELETE FROM grant_endings WHERE account_id = $1").bind(account).execute(tx).await
}

/// The endings after `after`, in the order of their ids.
pub async fn page(tx: &SystemTx, after: Uuid, limit: i64) -> Result<Vec<Uuid>, Error> {
    let found = sql("SELECT id AS value FROM grant_endings WHERE id > $1 ORDER BY id LIMIT $2")
        .binds((after, limit))
        .load::<Value<Uuid>>(tx)
        .await?;
    Ok(found.into_iter().map(|id| id.0).collect())
}

/// An ending's sealed token, locked until the transaction ends.
pub async fn lock(tx: &SystemTx, id: Uuid) -> Result<Option<String>, Error> {
    let sealed = sql("SELECT refresh_sealed AS value FROM grant_endings WHERE id = $1 FOR UPDATE")
        .bind(id)
        .optional::<Value<String>>(tx)
        .await?;
    Ok(sealed.map(|sealed| sealed.0))
}

/// Stores a locked ending's token under another seal.
pub async fn seal_again(tx: &SystemTx, id: Uuid, sealed: &str) -> Result<(), Error> {
    sql("UPDATE grant_endings SET refresh_sealed = $2 WHERE id = $1").binds((id, sealed)).execute(tx).await?;
    Ok(())
}
