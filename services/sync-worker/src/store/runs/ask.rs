//! Runs that people ask for. Requests of one kind join the run that is queued, so that nobody can queue a thousand
//! listings.

use postrider_domain::{RunId, RunKind, Timestamp};
use postrider_storage::{Error, TenantTx, Value, row, sql};

use super::{Request, enqueue};
use crate::store::mailboxes::due;

/// Most queued runs of one kind in one mailbox. More than one only wait while somebody looks at the mailbox.
pub const MOST_QUEUED: usize = 10;

row! {
    struct Queued {
        id: RunId,
    }
}

/// Queues a run, or joins the request to the one that is queued: a run that lists does not do so before it is taken from the
/// queue, and an incremental one is answered by the look of a lease that nobody has taken yet. While somebody holds the
/// lease, the look may have begun, and may miss what was changed after: then the run is one of its own. Returns the run;
/// `None` when too many wait.
pub async fn ask(tx: &mut TenantTx, request: &Request<'_>, now: Timestamp) -> Result<Option<RunId>, Error> {
    // Under the mailbox's lock no run is begun and no lease is taken.
    let held = sql("SELECT coalesce(lease_until >= clock_timestamp(), false) AS value FROM mailboxes \
         WHERE connector_id = $1 FOR NO KEY UPDATE")
    .bind(request.connector)
    .get_result::<Value<bool>>(tx)
    .await?;
    let queued: Vec<Queued> = sql("SELECT run_id AS id FROM sync_runs \
         WHERE tenant = $1 AND connector_id = $2 AND state = 'queued' AND kind = $3 ORDER BY created_at DESC LIMIT $4")
    .binds((request.tenant, request.connector, request.kind, crate::store::count(MOST_QUEUED)))
    .load(tx)
    .await?;
    if let Some(run) = queued.first()
        && (request.kind != RunKind::Incremental || !held.0)
    {
        join(tx, run.id, request, now).await?;
        return Ok(Some(run.id));
    }
    if queued.len() >= MOST_QUEUED {
        return Ok(None);
    }
    enqueue(tx, request, now).await?;
    Ok(Some(request.id))
}

/// The run does what either of its requests asked for.
async fn join(tx: &TenantTx, run: RunId, request: &Request<'_>, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE sync_runs SET updated_at = $4, \
            max_results = CASE WHEN max_results IS NULL OR $3::bigint IS NULL THEN NULL ELSE greatest(max_results, $3) END \
         WHERE tenant = $1 AND run_id = $2")
    .binds((request.tenant, run, request.max_results, now))
    .execute(tx)
    .await?;
    due::ask(tx, request.connector, now).await
}
