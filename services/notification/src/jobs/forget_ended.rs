//! Forgets what has ended by its own word and was never used: tickets of the feed, subscriptions of browsers.

use postrider_domain::Timestamp;
use postrider_storage::{Db, Error};

use crate::store::{feed, push_subscriptions, users};

/// Tenants listed in one go.
const PAGE: i64 = 500;
/// Subscriptions deleted in one transaction.
const SLICE: i64 = 5_000;

/// Deletes what ended before now. Returns how many rows.
pub async fn forget_ended(db: &Db, now: Timestamp) -> Result<usize, Error> {
    let tx = db.system().await?;
    let (mut after, mut gone) = (String::new(), feed::forget_tickets(&tx, now).await?);
    tx.commit().await?;
    loop {
        let tx = db.system().await?;
        let tenants = users::tenants_after(&tx, &after, PAGE).await?;
        tx.commit().await?;
        let Some(last) = tenants.last() else { return Ok(gone) };
        last.as_str().clone_into(&mut after);
        for tenant in &tenants {
            let tx = db.tenant(tenant).await?;
            gone += push_subscriptions::prune(&tx, tenant, now, SLICE).await?;
            tx.commit().await?;
        }
    }
}
