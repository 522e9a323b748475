//! Forgets log entries and suppressions beyond the retention, tenant by tenant: no role sees two tenants' rows at once.

use std::time::Duration;

use chrono::TimeDelta;
use domain::Timestamp;
use storage::{Db, Error};
use tokio_util::sync::CancellationToken;

use crate::state::State;
use crate::store::{log, suppressions, users};

/// Tenants listed in one go.
const PAGE: i64 = 500;

/// At once, and then every `every`.
pub async fn run(state: State, retention: TimeDelta, every: Duration, stop: CancellationToken) -> Result<(), Error> {
    loop {
        let gone = prune(&state.db, state.seams.clock.now() - retention).await?;
        if gone > 0 {
            tracing::info!(rows = gone, "pruned {gone} rows beyond the retention");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Deletes what is older than the given instant; answers how many rows. Two replicas doing it at once only share the
/// work.
pub async fn prune(db: &Db, before: Timestamp) -> Result<usize, Error> {
    let (mut after, mut gone) = (String::new(), 0);
    loop {
        let mut tx = db.system().await?;
        let tenants = users::tenants_after(&mut tx, &after, PAGE).await?;
        tx.commit().await?;
        let Some(last) = tenants.last() else { return Ok(gone) };
        last.as_str().clone_into(&mut after);
        for tenant in &tenants {
            let mut tx = db.tenant(tenant).await?;
            log::raise_floors(&mut tx, tenant, before).await?;
            gone += log::prune(&mut tx, tenant).await?;
            gone += suppressions::prune(&mut tx, tenant, before).await?;
            tx.commit().await?;
        }
    }
}
