//! How a run at work moves: every transaction of it writes one step, or lets it wait after a failure.

use postrider_domain::{ConnectorId, RunState, TenantId, Timestamp};
use postrider_storage::{Error, TenantTx, sql};

use super::{Counts, Run, run_columns};

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
    pub state: Option<RunState>,
    /// A second listing begins.
    pub next_pass: bool,
    pub total_estimate: Option<i64>,
    /// Listed mails that are left out for their age, once all are listed.
    pub outside: Option<i64>,
    pub progressed: bool,
}

impl Step {
    /// The same step, by so many listed mails more.
    pub fn listed(mut self, added: usize) -> Self {
        self.add.listed += crate::store::count(added);
        self
    }
}

/// Writes a step. A run that moves does not wait any more; its row of failures ends by [`went_well`]. Returns the run.
pub async fn advance(tx: &mut TenantTx, run: &Run, step: &Step, now: Timestamp) -> Result<Run, Error> {
    let add = &step.add;
    sql(concat!(
        "UPDATE sync_runs SET listed = listed + $3, fetched = fetched + $4, stored = stored + $5, \
            new_emails = new_emails + $6, deleted = deleted + $7, failed = failed + $8, \
            page_token = CASE WHEN $9 THEN $10 ELSE page_token END, \
            listing_complete = (listing_complete OR $11) AND NOT $12, pass = pass + CASE WHEN $12 THEN 1 ELSE 0 END, \
            state = coalesce($13, state), total_estimate = greatest(coalesce($14, total_estimate), listed + $3), \
            settled = greatest(settled, $17), announced = announced + $18, outside = coalesce($19, outside), untold = untold + $20, \
            progressed_at = CASE WHEN $15 THEN $16 ELSE progressed_at END, \
            finished_at = CASE WHEN $13 IN ('completed', 'failed', 'superseded') THEN $16 ELSE finished_at END, \
            error = NULL, not_before = NULL, updated_at = $16 \
         WHERE tenant = $1 AND run_id = $2 RETURNING ",
        run_columns!()
    ))
    .binds((&run.tenant, run.id, add.listed, add.fetched, add.stored, add.new_emails, add.deleted, add.failed))
    .binds((step.page_token.is_some(), step.page_token.as_ref().and_then(Option::as_deref)))
    .binds((step.listing_complete, step.next_pass, step.state, step.total_estimate, step.progressed))
    .binds((now, step.settled, add.announced, step.outside, add.untold))
    .get_result(tx)
    .await
}

/// Lets a run wait after a failure. Returns it.
pub async fn hold(
    tx: &TenantTx,
    run: &Run,
    error: &str,
    attempts: i32,
    not_before: Timestamp,
    now: Timestamp,
) -> Result<Run, Error> {
    sql(concat!(
        "UPDATE sync_runs SET error = $3, attempts = $4, not_before = $5, updated_at = $6 \
         WHERE tenant = $1 AND run_id = $2 RETURNING ",
        run_columns!()
    ))
    .binds((&run.tenant, run.id, error, attempts, not_before, now))
    .get_result(tx)
    .await
}

/// Ends a row of failures.
pub async fn went_well(tx: &TenantTx, run: &Run) -> Result<(), Error> {
    sql("UPDATE sync_runs SET attempts = 0 WHERE tenant = $1 AND run_id = $2")
        .binds((&run.tenant, run.id))
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends every run of an account that has ended, but not its erasure.
pub async fn supersede_unfinished(
    tx: &TenantTx,
    tenant: &TenantId,
    connector: ConnectorId,
    now: Timestamp,
) -> Result<(), Error> {
    sql("UPDATE sync_runs SET state = 'superseded', finished_at = $3, updated_at = $3 \
         WHERE tenant = $1 AND connector_id = $2 AND kind <> 'erase' AND finished_at IS NULL")
    .binds((tenant, connector, now))
    .execute(tx)
    .await?;
    Ok(())
}
