//! `grant_endings`: grants to be given back to Google. System role.

use postrider_domain::Timestamp;
use postrider_storage::types::{BigInt, Bool, Double, Integer, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

/// A replica that claimed an ending and died gives it up after this many seconds.
const CLAIM_SECONDS: f64 = 60.0;

/// A grant to give back.
#[derive(Debug, Clone, QueryableByName)]
pub struct Ending {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub account_id: Uuid,
    #[diesel(sql_type = Text)]
    pub refresh_sealed: String,
    #[diesel(sql_type = Bool)]
    pub stop_watch: bool,
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
}

/// Keeps a grant to give back at once.
pub async fn insert(
    tx: &mut Tx,
    id: Uuid,
    account: Uuid,
    refresh_sealed: &str,
    stop_watch: bool,
    due: Timestamp,
) -> Result<(), Error> {
    sql("INSERT INTO grant_endings (id, account_id, refresh_sealed, stop_watch, due_at) VALUES ($1, $2, $3, $4, $5)")
        .bind_as::<SqlUuid, _>(id)
        .bind_as::<SqlUuid, _>(account)
        .bind_as::<Text, _>(refresh_sealed)
        .bind_as::<Bool, _>(stop_watch)
        .bind_as::<Timestamptz, _>(due)
        .execute(tx)
        .await?;
    Ok(())
}

/// Claims endings that are due; other replicas skip them for a minute.
pub async fn claim(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Ending>, Error> {
    sql("UPDATE grant_endings SET claimed_until = clock_timestamp() + make_interval(secs => $3) \
         WHERE id IN (SELECT id FROM grant_endings WHERE due_at <= $1 \
                        AND (claimed_until IS NULL OR claimed_until < clock_timestamp()) \
                      ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
         RETURNING id, account_id, refresh_sealed, stop_watch, attempts")
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<BigInt, _>(limit)
    .bind_as::<Double, _>(CLAIM_SECONDS)
    .load(tx)
    .await
}

/// Tries again at `due`; `error` is a stable word.
pub async fn postpone(tx: &mut Tx, id: Uuid, error: &str, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE grant_endings SET attempts = attempts + 1, last_error = $2, due_at = $3, claimed_until = NULL \
         WHERE id = $1")
    .bind_as::<SqlUuid, _>(id)
    .bind_as::<Text, _>(error)
    .bind_as::<Timestamptz, _>(due)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets an ending: done, or not wanted any more.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<(), Error> {
    sql("DELETE FROM grant_endings WHERE id = $1").bind_as::<SqlUuid, _>(id).execute(tx).await?;
    Ok(())
}

/// Takes back what was to be ended: the account was connected again. Answers how many.
pub async fn cancel(tx: &mut Tx, account: Uuid) -> Result<usize, Error> {
    sql("DELETE FROM grant_endings WHERE account_id = $1").bind_as::<SqlUuid, _>(account).execute(tx).await
}
