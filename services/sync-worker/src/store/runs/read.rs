//! Runs as the API asks for them.

use postrider_domain::{ConnectorId, RunId, Timestamp};
use postrider_storage::{Error, TenantTx, sql};

use super::{Run, run_columns};

/// Runs of the given accounts, newest first, beyond the given sort key.
pub async fn list(
    tx: &TenantTx,
    accounts: &[ConnectorId],
    after: Option<(Timestamp, RunId)>,
    limit: i64,
) -> Result<Vec<Run>, Error> {
    sql(concat!(
        "SELECT ",
        run_columns!(),
        " FROM sync_runs WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
          AND connector_id = ANY($1) AND ($2::timestamptz IS NULL OR (created_at, run_id) < ($2, $3)) \
          ORDER BY created_at DESC, run_id DESC LIMIT $4"
    ))
    .binds((accounts, after.map(|(time, _)| time), after.map(|(_, id)| id), limit))
    .load(tx)
    .await
}

/// One run of the given accounts.
pub async fn find(tx: &TenantTx, accounts: &[ConnectorId], run: RunId) -> Result<Option<Run>, Error> {
    sql(concat!(
        "SELECT ",
        run_columns!(),
        " FROM sync_runs WHERE tenant = nullif(current_setting('postrider.tenant', true), '') \
          AND run_id = $1 AND connector_id = ANY($2)"
    ))
    .binds((run, accounts))
    .optional(tx)
    .await
}
