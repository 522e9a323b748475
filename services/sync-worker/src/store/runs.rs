//! Sync runs: what a person or an event asked for, and how far it came.

use postrider_domain::{ConnectorId, HistoryId, RunId, TenantId, Timestamp};
use postrider_storage::types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, Tx, sql};

use super::mailboxes::Guard;
pub use super::run_row::{Counts, Run};
use super::run_row::{Row, run_columns};

/// A run that starts at once.
pub struct NewRun<'a> {
    pub id: RunId,
    pub kind: &'a str,
    pub reason: &'a str,
    pub generation: i32,
    pub boundary: HistoryId,
    pub total_estimate: i64,
}

/// Starts a run whose listing begins.
pub async fn start(tx: &mut Tx, guard: &Guard, run: &NewRun<'_>, now: Timestamp) -> Result<Run, Error> {
    sql(concat!(
        "INSERT INTO sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, boundary, \
            total_estimate, started_at, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, 'listing', $6, $7, $8, $9, $9, $9) RETURNING ",
        run_columns!()
    ))
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(run.id.0)
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<Text, _>(run.kind)
    .bind_as::<Text, _>(run.reason)
    .bind_as::<Integer, _>(run.generation)
    .bind_as::<BigInt, _>(run.boundary.as_i64())
    .bind_as::<BigInt, _>(run.total_estimate)
    .bind_as::<Timestamptz, _>(now)
    .get_result::<Row>(tx)
    .await?
    .try_into()
}

/// Puts a run into the queue: the engine takes it up when it next works on the mailbox.
pub async fn enqueue(
    tx: &mut Tx,
    (tenant, connector): (&TenantId, ConnectorId),
    (id, kind): (RunId, &str),
    max_results: Option<i64>,
    now: Timestamp,
) -> Result<(), Error> {
    sql("INSERT INTO sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, max_results, \
            created_at, updated_at) VALUES ($1, $2, $3, $4, 'asked', 'queued', 0, $5, $6, $6)")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(id.0)
    .bind_as::<SqlUuid, _>(connector.0)
    .bind_as::<Text, _>(kind)
    .bind_as::<Nullable<BigInt>, _>(max_results)
    .bind_as::<Timestamptz, _>(now)
    .execute(tx)
    .await?;
    sql("UPDATE mailboxes SET requested = requested + 1, \
            due_at = CASE WHEN status = 'active' THEN least(due_at, $2) END, \
            due_reason = CASE WHEN due_at <= $2 THEN due_reason ELSE 'asked' END WHERE connector_id = $1")
    .bind_as::<SqlUuid, _>(connector.0)
    .bind_as::<Timestamptz, _>(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// The run at work, or the next queued one of the given kinds.
pub async fn find_active(tx: &mut Tx, guard: &Guard) -> Result<Option<Run>, Error> {
    sql(concat!(
        "SELECT ",
        run_columns!(),
        " FROM sync_runs WHERE tenant = $1 AND connector_id = $2 AND state IN ('listing', 'fetching', 'confirming')"
    ))
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .optional::<Row>(tx)
    .await?
    .map(Run::try_from)
    .transpose()
}

/// Queued runs, oldest first.
pub async fn list_queued(tx: &Tx, guard: &Guard) -> Result<Vec<Run>, Error> {
    sql(concat!(
        "SELECT ",
        run_columns!(),
        " FROM sync_runs WHERE tenant = $1 AND connector_id = $2 AND state = 'queued' ORDER BY created_at LIMIT 100"
    ))
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .load::<Row>(tx)
    .await?
    .into_iter()
    .map(Run::try_from)
    .collect()
}

/// Begins a queued run.
pub async fn begin(
    tx: &mut Tx,
    guard: &Guard,
    run: RunId,
    (boundary, total_estimate): (HistoryId, i64),
    now: Timestamp,
) -> Result<Run, Error> {
    sql(concat!(
        "UPDATE sync_runs SET state = 'listing', generation = $3, boundary = $4, total_estimate = $5, \
            started_at = $6, updated_at = $6 WHERE tenant = $1 AND run_id = $2 AND state = 'queued' RETURNING ",
        run_columns!()
    ))
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<SqlUuid, _>(run.0)
    .bind_as::<Integer, _>(guard.generation)
    .bind_as::<BigInt, _>(boundary.as_i64())
    .bind_as::<BigInt, _>(total_estimate)
    .bind_as::<Timestamptz, _>(now)
    .get_result::<Row>(tx)
    .await?
    .try_into()
}

/// What a transaction changes about its run.
#[derive(Debug, Clone, Default)]
pub struct Step {
    pub add: Counts,
    /// The new checkpoint of the listing, where it moved.
    pub page_token: Option<Option<String>>,
    pub listing_complete: bool,
    /// The new checkpoint of the fetching; never goes back.
    pub settled: i64,
    /// A new state, where it changes.
    pub state: Option<&'static str>,
    /// A second listing begins.
    pub next_pass: bool,
    pub total_estimate: Option<i64>,
    pub progressed: bool,
}

/// Lets a run wait after a failure; answers it.
pub async fn hold(
    tx: &Tx,
    run: &Run,
    error: &str,
    (attempts, not_before): (i32, Timestamp),
    now: Timestamp,
) -> Result<Run, Error> {
    sql(concat!(
        "UPDATE sync_runs SET error = $3, attempts = $4, not_before = $5, updated_at = $6 \
         WHERE tenant = $1 AND run_id = $2 RETURNING ",
        run_columns!()
    ))
    .bind_as::<Text, _>(run.tenant.as_str())
    .bind_as::<SqlUuid, _>(run.id.0)
    .bind_as::<Text, _>(error)
    .bind_as::<Integer, _>(attempts)
    .bind_as::<Timestamptz, _>(not_before)
    .bind_as::<Timestamptz, _>(now)
    .get_result::<Row>(tx)
    .await?
    .try_into()
}

/// Writes a step, which ends a row of failures; answers the run after it.
pub async fn advance(tx: &mut Tx, run: &Run, step: &Step, now: Timestamp) -> Result<Run, Error> {
    sql(concat!(
        "UPDATE sync_runs SET listed = listed + $3, fetched = fetched + $4, stored = stored + $5, \
            new_emails = new_emails + $6, deleted = deleted + $7, failed = failed + $8, \
            page_token = CASE WHEN $9 THEN $10 ELSE page_token END, \
            listing_complete = (listing_complete OR $11) AND NOT $12, pass = pass + CASE WHEN $12 THEN 1 ELSE 0 END, \
            state = coalesce($13, state), total_estimate = greatest(coalesce($14, total_estimate), listed + $3), \
            settled = greatest(settled, $17), progressed_at = CASE WHEN $15 THEN $16 ELSE progressed_at END, \
            finished_at = CASE WHEN $13 IN ('completed', 'failed', 'superseded') THEN $16 ELSE finished_at END, \
            error = NULL, attempts = 0, not_before = NULL, updated_at = $16 \
         WHERE tenant = $1 AND run_id = $2 RETURNING ",
        run_columns!()
    ))
    .bind_as::<Text, _>(run.tenant.as_str())
    .bind_as::<SqlUuid, _>(run.id.0)
    .bind_as::<BigInt, _>(step.add.listed)
    .bind_as::<BigInt, _>(step.add.fetched)
    .bind_as::<BigInt, _>(step.add.stored)
    .bind_as::<BigInt, _>(step.add.new_emails)
    .bind_as::<BigInt, _>(step.add.deleted)
    .bind_as::<BigInt, _>(step.add.failed)
    .bind_as::<Bool, _>(step.page_token.is_some())
    .bind_as::<Nullable<Text>, _>(step.page_token.clone().flatten())
    .bind_as::<Bool, _>(step.listing_complete)
    .bind_as::<Bool, _>(step.next_pass)
    .bind_as::<Nullable<Text>, _>(step.state)
    .bind_as::<Nullable<BigInt>, _>(step.total_estimate)
    .bind_as::<Bool, _>(step.progressed)
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<BigInt, _>(step.settled)
    .get_result::<Row>(tx)
    .await?
    .try_into()
}

/// Ends queued incremental runs that were asked for before a live pass that has now reached the end.
pub async fn complete_incremental(
    tx: &mut Tx,
    guard: &Guard,
    runs: &[RunId],
    counts: Counts,
    now: Timestamp,
) -> Result<Vec<Run>, Error> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    sql(concat!(
        "UPDATE sync_runs SET state = 'completed', started_at = coalesce(started_at, $3), finished_at = $3, \
            updated_at = $3, stored = $5, new_emails = $6, deleted = $7 \
         WHERE tenant = $1 AND run_id = ANY ($2) AND state = 'queued' AND connector_id = $4 RETURNING ",
        run_columns!()
    ))
    .bind_as::<Text, _>(guard.tenant.as_str())
    .bind_as::<postrider_storage::types::Array<SqlUuid>, _>(runs.iter().map(|run| run.0).collect::<Vec<_>>())
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<SqlUuid, _>(guard.connector.0)
    .bind_as::<BigInt, _>(counts.stored)
    .bind_as::<BigInt, _>(counts.new_emails)
    .bind_as::<BigInt, _>(counts.deleted)
    .load::<Row>(tx)
    .await?
    .into_iter()
    .map(Run::try_from)
    .collect()
}
