//! Runs that begin, wait or are at work. One at most is at work on a mailbox.

use postrider_domain::{ConnectorId, HistoryId, RunId, RunKind, TenantId, Timestamp};
use postrider_storage::{Error, TenantTx, sql};

use super::{Counts, Run, run_columns};
use crate::rules::due::DueReason;
use crate::rules::settle::VISIBLE_AFTER;
use crate::rules::words::RunReason;
use crate::store::mailboxes::{Guard, due};

/// A run that starts at once.
pub struct NewRun {
    pub id: RunId,
    pub kind: RunKind,
    pub reason: RunReason,
    pub generation: i32,
    pub boundary: HistoryId,
    pub total_estimate: i64,
    /// What it finds of after this is news.
    pub news_since: Option<Timestamp>,
    /// What is older is not fetched.
    pub since: Option<Timestamp>,
}

/// Starts a run whose listing begins.
pub async fn start(tx: &mut TenantTx, guard: &Guard, run: &NewRun, now: Timestamp) -> Result<Run, Error> {
    sql(concat!(
        "INSERT INTO sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, boundary, \
            total_estimate, started_at, created_at, updated_at, news_since, since) \
         VALUES ($1, $2, $3, $4, $5, 'listing', $6, $7, $8, $9, $9, $9, $10, $11) RETURNING ",
        run_columns!()
    ))
    .binds((&guard.tenant, run.id, guard.connector, run.kind, run.reason, run.generation, run.boundary))
    .binds((run.total_estimate, now, run.news_since, run.since))
    .get_result(tx)
    .await
}

/// What a person asks for.
pub struct Request<'a> {
    pub tenant: &'a TenantId,
    pub connector: ConnectorId,
    pub id: RunId,
    pub kind: RunKind,
    /// Most bodies to fetch.
    pub max_results: Option<i64>,
}

/// Puts a run into the queue: the engine takes it up when it next works on the mailbox.
pub async fn enqueue(tx: &mut TenantTx, run: &Request<'_>, now: Timestamp) -> Result<(), Error> {
    sql("INSERT INTO sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, max_results, \
            created_at, updated_at) VALUES ($1, $2, $3, $4, 'asked', 'queued', 0, $5, $6, $6)")
    .binds((run.tenant, run.id, run.connector, run.kind, run.max_results, now))
    .execute(tx)
    .await?;
    due::ask(tx, run.connector, now).await
}

/// Queues an audit that nobody asked for, unless a run that lists the mailbox waits or is at work. Returns whether it did.
pub async fn schedule_audit(
    tx: &TenantTx,
    tenant: &TenantId,
    connector: ConnectorId,
    id: RunId,
    now: Timestamp,
) -> Result<bool, Error> {
    let queued = sql(
        "INSERT INTO sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, created_at, updated_at) \
         SELECT $1, $2, $3, 'audit', $4, 'queued', 0, $5, $5 WHERE NOT EXISTS ( \
           SELECT FROM sync_runs WHERE tenant = $1 AND connector_id = $3 AND kind IN ('full', 'repair', 'audit') \
             AND state IN ('queued', 'listing', 'fetching', 'confirming'))",
    )
    .binds((tenant, id, connector, RunReason::Scheduled, now))
    .execute(tx)
    .await?;
    if queued > 0 {
        due::mark(tx, connector, DueReason::Audit, now).await?;
    }
    Ok(queued > 0)
}

/// The run at work, if there is one.
pub async fn find_active(tx: &mut TenantTx, guard: &Guard) -> Result<Option<Run>, Error> {
    sql(concat!(
        "SELECT ",
        run_columns!(),
        " FROM sync_runs WHERE tenant = $1 AND connector_id = $2 AND state IN ('listing', 'fetching', 'confirming')"
    ))
    .binds((&guard.tenant, guard.connector))
    .optional(tx)
    .await
}

/// That run, if it waits or is at work.
pub async fn find_unfinished(tx: &mut TenantTx, guard: &Guard, run: RunId) -> Result<Option<Run>, Error> {
    sql(concat!(
        "SELECT ",
        run_columns!(),
        " FROM sync_runs WHERE tenant = $1 AND run_id = $2 AND connector_id = $3 \
          AND state IN ('queued', 'listing', 'fetching', 'confirming')"
    ))
    .binds((&guard.tenant, run, guard.connector))
    .optional(tx)
    .await
}

/// Queued runs, oldest first.
pub async fn list_queued(tx: &TenantTx, guard: &Guard) -> Result<Vec<Run>, Error> {
    sql(concat!(
        "SELECT ",
        run_columns!(),
        " FROM sync_runs WHERE tenant = $1 AND connector_id = $2 AND state = 'queued' ORDER BY created_at LIMIT 100"
    ))
    .binds((&guard.tenant, guard.connector))
    .load(tx)
    .await
}

/// How a queued run begins.
pub struct Beginning {
    pub boundary: HistoryId,
    pub total_estimate: i64,
    /// What is older is not fetched.
    pub since: Option<Timestamp>,
}

/// Begins a queued run. What an audit finds is news if it came after the last complete listing began, or was hidden from it;
/// what came before the first listing of all is none.
pub async fn begin(
    tx: &mut TenantTx,
    guard: &Guard,
    run: RunId,
    beginning: &Beginning,
    now: Timestamp,
) -> Result<Run, Error> {
    sql(concat!(
        "UPDATE sync_runs r SET state = 'listing', generation = $3, boundary = $4, total_estimate = $5, \
            started_at = $6, updated_at = $6, since = $7, error = NULL, not_before = NULL, \
            news_since = CASE WHEN r.kind = 'audit' THEN ( \
              SELECT greatest(max(l.started_at) - make_interval(secs => $8), min(l.started_at)) FROM sync_runs l WHERE l.tenant = $1 AND l.connector_id = r.connector_id \
                AND l.kind IN ('full', 'repair', 'audit') AND l.state = 'completed') END \
          WHERE tenant = $1 AND run_id = $2 AND state = 'queued' RETURNING ",
        run_columns!()
    ))
    .binds((&guard.tenant, run, guard.generation, beginning.boundary, beginning.total_estimate, now, beginning.since))
    .bind(VISIBLE_AFTER.as_seconds_f64())
    .get_result(tx)
    .await
}

/// Ends queued incremental runs that were asked for before a live pass that has now reached the end.
pub async fn complete_incremental(
    tx: &mut TenantTx,
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
    .binds((&guard.tenant, runs, now, guard.connector, counts.stored, counts.new_emails, counts.deleted))
    .load(tx)
    .await
}
