//! What is still to be told of what a delivery stands for: by then some of it was read, or erased, or its account has the
//! channel no more. What else it stands for is told all the same.

use postrider_domain::{NotificationId, TenantId};
use postrider_storage::{Error, TenantTx};

use crate::rules::Preferences;
use crate::rules::preferences::Way;
use crate::rules::trigger::widened;
use crate::store::notifications::{self, Notification};
use crate::store::preferences;

/// Most that is looked at.
pub(super) const NAMED: i64 = 50;

/// What is told, with what its account says; never nothing.
pub(super) struct Wanted {
    pub rows: Vec<(Notification, Preferences)>,
    /// Unread ones that are not told: their account does not have the channel.
    pub left_out: i64,
}

/// What of these is there, unread, and to be told that way. Otherwise the reason why nothing is.
pub(super) async fn wanted(
    tx: &TenantTx,
    tenant: &TenantId,
    way: Way,
    ids: &[NotificationId],
) -> Result<Result<Wanted, &'static str>, Error> {
    let (mut rows, mut left_out, mut there) = (Vec::new(), 0, ids.is_empty());
    for id in ids {
        let Some(row) = notifications::of_tenant(tx, tenant, *id).await? else { continue };
        there = true;
        let values = preferences::effective(tx, tenant, &row.user_id, row.account_id).await?.preferences;
        if !widened(values.clone(), &row.also).has(way) {
            left_out += 1;
        } else if !row.is_read && !row.is_archived {
            rows.push((row, values));
        }
    }
    Ok(match (rows.is_empty(), there, left_out) {
        (false, ..) => Ok(Wanted { rows, left_out }),
        (true, false, _) => Err("content_gone"),
        (true, true, 0) => Err("read_already"),
        (true, true, _) => Err("channel_off"),
    })
}
