//! Marking notifications as read, unread or archived.

use postrider_contracts::notification::NotificationUpdated;
use postrider_contracts::{Envelope, NewEvent};
use postrider_domain::{ConnectorId, EventId, NotificationId, Timestamp};
use postrider_events::outbox;
use postrider_storage::{Error, Tx};
use uuid::Uuid;

use super::{Changes, Whose, stream};
use crate::store::mark::{Changed, Mark, Marking, mark};
use crate::store::users;

impl Changes {
    /// Marks those of the user's notifications that are not in the wanted state; answers the changed ones. Unknown ids
    /// and other users' are passed over. `tx` must have entered the tenant.
    pub async fn mark(
        &self,
        tx: &mut Tx,
        whose: Whose<'_>,
        ids: &[NotificationId],
        how: Mark,
    ) -> Result<Vec<Changed>, Error> {
        let now = self.seams.clock.now();
        let Some(head) = users::lock_known(tx, whose.tenant, whose.user).await? else { return Ok(Vec::new()) };
        let marking = Marking {
            tenant: whose.tenant,
            user: whose.user,
            ids,
            mark: how,
            nseq: head.nseq,
            unread: head.unread,
            now,
        };
        let changed = mark(tx, &marking).await?;
        let Some(last) = changed.last() else { return Ok(changed) };
        users::advance(tx, whose.tenant, whose.user, last.nseq, last.unread, now).await?;
        let events = changed.iter().map(|row| self.updated(whose, row, head.epoch, now)).collect();
        outbox::append(tx, events).await?;
        let entries = changed.iter().map(|row| row.entry(how)).collect();
        if let Some(hint) = self.hint(whose, head.epoch, entries) {
            let announcer = self.announcer.clone();
            tx.on_commit(move || announcer.announce(hint));
        }
        Ok(changed)
    }

    fn updated(&self, whose: Whose<'_>, row: &Changed, epoch: Uuid, now: Timestamp) -> NewEvent {
        let account = row.account_id.map(ConnectorId);
        let updated = NotificationUpdated {
            notification_id: row.id.to_string(),
            nseq: row.nseq,
            is_read: row.is_read,
            is_archived: row.is_archived,
        };
        Envelope::of(EventId(self.seams.ids.uuid()), now, &updated)
            .owned_by(whose.tenant.clone(), whose.user.clone(), account)
            .traced(whose.trace)
            .on_stream(stream(account, epoch))
    }
}
