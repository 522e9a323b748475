//! `sync_runs` as the API shows them.

use postrider_domain::Timestamp;
use postrider_storage::types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

/// A run with its counts.
#[derive(Debug, QueryableByName)]
pub struct RunRow {
    #[diesel(sql_type = SqlUuid)]
    pub run_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub connector_id: Uuid,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub reason: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub listed: i64,
    #[diesel(sql_type = BigInt)]
    pub fetched: i64,
    #[diesel(sql_type = BigInt)]
    pub stored: i64,
    #[diesel(sql_type = BigInt)]
    pub new_emails: i64,
    #[diesel(sql_type = BigInt)]
    pub deleted: i64,
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    #[diesel(sql_type = BigInt)]
    pub total_estimate: i64,
    #[diesel(sql_type = Nullable<Text>)]
    pub error: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub started_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub finished_at: Option<Timestamp>,
    #[diesel(sql_type = Timestamptz)]
    pub created_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: Timestamp,
}

macro_rules! run_columns {
    () => {
        "run_id, connector_id, kind, reason, state, listed, fetched, stored, new_emails, deleted, failed, \
         total_estimate, error, started_at, finished_at, created_at, updated_at"
    };
}

/// Runs of the given accounts, newest first, beyond the given sort key.
pub async fn list(
    tx: &Tx,
    accounts: Vec<Uuid>,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<RunRow>, Error> {
    let (time, id) = after.map_or((None, None), |(time, id)| (Some(time), Some(id)));
    sql(concat!(
        "SELECT ",
        run_columns!(),
        " FROM sync_runs WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
          AND connector_id = ANY($1) AND ($2::timestamptz IS NULL OR (created_at, run_id) < ($2, $3)) \
          ORDER BY created_at DESC, run_id DESC LIMIT $4"
    ))
    .bind_as::<Array<SqlUuid>, _>(accounts)
    .bind_as::<Nullable<Timestamptz>, _>(time)
    .bind_as::<Nullable<SqlUuid>, _>(id)
    .bind_as::<BigInt, _>(limit)
    .load(tx)
    .await
}

/// One run of the given accounts.
pub async fn find(tx: &Tx, accounts: Vec<Uuid>, run_id: Uuid) -> Result<Option<RunRow>, Error> {
    sql(concat!(
        "SELECT ",
        run_columns!(),
        " FROM sync_runs WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
          AND run_id = $1 AND connector_id = ANY($2)"
    ))
    .bind_as::<SqlUuid, _>(run_id)
    .bind_as::<Array<SqlUuid>, _>(accounts)
    .optional(tx)
    .await
}
