//! Marking notifications as read, unread or archived.

use postrider_contracts::notification::NotificationUpdated;
use postrider_domain::NotificationId;
use postrider_storage::{Error, TenantTx};

use super::{Actions, Owner, Told};
use crate::rules::Mark;
use crate::store::notifications::{self, Changed, Marking};
use crate::store::users;

impl Actions {
    /// Marks those of the owner's notifications that are not in the wanted state. Returns the changed ones. Unknown ids
    /// and other users' are passed over.
    pub async fn mark(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        ids: &[NotificationId],
        mark: Mark,
    ) -> Result<Vec<Changed>, Error> {
        let Owner { tenant, user, .. } = owner;
        let now = self.now();
        let Some(head) = users::lock_known(tx, tenant, user).await? else { return Ok(Vec::new()) };
        let changed = notifications::mark(tx, &Marking { tenant, user, ids, mark, head: &head, now }).await?;
        let Some(last) = changed.last() else { return Ok(changed) };
        users::advance(tx, tenant, user, last.nseq, last.unread, now).await?;
        let entries = changed.iter().map(|row| row.entry(mark)).collect();
        let events = changed.iter().map(|row| (row.account_id, updated(row))).collect();
        self.tell(tx, owner, Told { epoch: head.epoch, now, entries, events }).await?;
        Ok(changed)
    }
}

fn updated(row: &Changed) -> NotificationUpdated {
    NotificationUpdated {
        notification_id: row.id.to_string(),
        nseq: row.nseq,
        is_read: row.is_read,
        is_archived: row.is_archived,
    }
}
