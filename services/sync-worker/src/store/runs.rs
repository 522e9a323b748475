//! Sync runs: what a person or an event asked for, and how far it came.

use domain::{ConnectorId, HistoryId, RunId, TenantId, Timestamp};
use storage::types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use storage::{Error, Tx, sql};

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
    .bind::<Text, _>(guard.tenant.as_str())
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<SqlUuid, _>(guard.connector.0)
    .bind::<Text, _>(run.kind)
    .bind::<Text, _>(run.reason)
    .bind::<Integer, _>(run.generation)
    .bind::<BigInt, _>(run.boundary.as_i64())
    .bind::<BigInt, _>(run.total_estimate)
    .bind::<Timestamptz, _>(now)
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
    .bind::<Text, _>(tenant.as_str())
    .bind::<SqlUuid, _>(id.0)
    .bind::<SqlUuid, _>(connector.0)
    .bind::<Text, _>(kind)
    .bind::<Nullable<BigInt>, _>(max_results)
    .bind::<Timestamptz, _>(now)
    .execute(tx)
    .await?;
    sql("UPDATE mailboxes SET requested = requested + 1, \
            due_at = CASE WHEN status = 'active' THEN least(due_at, $2) END, \
            due_reason = CASE WHEN due_at <= $2 THEN due_reason ELSE 'asked' END WHERE connector_id = $1")
    .bind::<SqlUuid, _>(connector.0)
    .bind::<Timestamptz, _>(now)
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
    .bind::<Text, _>(guard.tenant.as_str())
    .bind::<SqlUuid, _>(guard.connector.0)
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
    .bind::<Text, _>(guard.tenant.as_str())
    .bind::<SqlUuid, _>(guard.connector.0)
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
    .bind::<Text, _>(guard.tenant.as_str())
    .bind::<SqlUuid, _>(run.0)
    .bind::<Integer, _>(guard.generation)
    .bind::<BigInt, _>(boundary.as_i64())
    .bind::<BigInt, _>(total_estimate)
    .bind::<Timestamptz, _>(now)
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
    .bind::<Text, _>(run.tenant.as_str())
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<Text, _>(error)
    .bind::<Integer, _>(attempts)
    .bind::<Timestamptz, _>(not_before)
    .bind::<Timestamptz, _>(now)
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
    .bind::<Text, _>(run.tenant.as_str())
    .bind::<SqlUuid, _>(run.id.0)
    .bind::<BigInt, _>(step.add.listed)
    .bind::<BigInt, _>(step.add.fetched)
    .bind::<BigInt, _>(step.add.stored)
    .bind::<BigInt, _>(step.add.new_emails)
    .bind::<BigInt, _>(step.add.deleted)
    .bind::<BigInt, _>(step.add.failed)
    .bind::<Bool, _>(step.page_token.is_some())
    .bind::<Nullable<Text>, _>(step.page_token.clone().flatten())
    .bind::<Bool, _>(step.listing_complete)
    .bind::<Bool, _>(step.next_pass)
    .bind::<Nullable<Text>, _>(step.state)
    .bind::<Nullable<BigInt>, _>(step.total_estimate)
    .bind::<Bool, _>(step.progressed)
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(step.settled)
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
    .bind::<Text, _>(guard.tenant.as_str())
    .bind::<storage::types::Array<SqlUuid>, _>(runs.iter().map(|run| run.0).collect::<Vec<_>>())
    .bind::<Timestamptz, _>(now)
    .bind::<SqlUuid, _>(guard.connector.0)
    .bind::<BigInt, _>(counts.stored)
    .bind::<BigInt, _>(counts.new_emails)
    .bind::<BigInt, _>(counts.deleted)
    .load::<Row>(tx)
    .await?
    .into_iter()
    .map(Run::try_from)
    .collect()
}
