//! Forgets log entries, suppressions, the feed, deliveries and addresses that never confirmed beyond the retention, tenant by
//! tenant: no role sees two tenants' rows at once.

use postrider_domain::{TenantId, Timestamp};
use postrider_storage::{Db, Error};

use crate::store::{deliveries, digests, feed, log, mail_addresses, suppressions, triggers, users};

/// Tenants listed in one go.
const PAGE: i64 = 500;
/// Rows deleted in one transaction: far below what the statement timeout allows, and no lock is held for long.
const SLICE: i64 = 5_000;

/// Deletes what is older than the given instant. Returns how many rows. Two replicas doing it at once only share the
/// work.
pub async fn prune(db: &Db, before: Timestamp) -> Result<usize, Error> {
    let (mut after, mut gone) = (String::new(), 0);
    loop {
        let tx = db.system().await?;
        let tenants = users::tenants_after(&tx, &after, PAGE).await?;
        tx.commit().await?;
        let Some(last) = tenants.last() else { return Ok(gone) };
        last.as_str().clone_into(&mut after);
        for tenant in &tenants {
            gone += prune_tenant(db, tenant, before, SLICE).await?;
        }
    }
}

/// One tenant's, at most `slice` rows of a table in a transaction. A slice that is not full was the last, or another
/// replica is at the same rows.
pub async fn prune_tenant(db: &Db, tenant: &TenantId, before: Timestamp, slice: i64) -> Result<usize, Error> {
    let mut gone = 0;
    loop {
        let tx = db.tenant(tenant).await?;
        let entries = log::prune(&tx, tenant, before, slice).await?;
        let reasons = suppressions::prune(&tx, tenant, before, slice).await?;
        let fed = feed::prune(&tx, tenant, before, slice).await?;
        let sent = deliveries::prune(&tx, tenant, before, slice).await?;
        let fired = triggers::prune(&tx, tenant, before, slice).await?;
        let digested = digests::prune(&tx, tenant, before, slice).await?;
        let unconfirmed = mail_addresses::prune(&tx, tenant, before, slice).await?;
        tx.commit().await?;
        let done = [entries, reasons, fed, sent, fired, digested, unconfirmed];
        gone += done.iter().sum::<usize>();
        if done.iter().all(|done| i64::try_from(*done).unwrap_or(i64::MAX) < slice) {
            return Ok(gone);
        }
    }
}
