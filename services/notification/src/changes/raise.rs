//! Raising a notification.

use postrider_contracts::Envelope;
use postrider_contracts::notification::NotificationCreated;
use postrider_domain::{ConnectorId, EventId, NotificationId};
use postrider_events::outbox;
use postrider_storage::{Error, Tx};

use super::{Changes, Whose, stream};
use crate::rules::Draft;
use crate::store::log::Entry;
use crate::store::notifications::{NewRow, insert};
use crate::store::users;

/// What was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    pub id: NotificationId,
    pub nseq: i64,
}

impl Changes {
    /// Writes the notification if its business key is new; `None` if the user was told before. `tx` must have entered
    /// the tenant.
    pub async fn raise(
        &self,
        tx: &mut Tx,
        whose: Whose<'_>,
        account: Option<ConnectorId>,
        draft: Draft,
    ) -> Result<Option<Raised>, Error> {
        let draft = &draft.storable();
        let now = self.seams.clock.now();
        let id = NotificationId(self.seams.ids.uuid());
        let head = users::lock(tx, whose.tenant, whose.user, self.seams.ids.uuid(), now).await?;
        let (room, event) = draft.event();
        let entry = Entry {
            nseq: head.nseq + 1,
            room: room.as_str().to_owned(),
            event: event.to_owned(),
            payload: draft.payload(&id.to_string()),
            account_id: account.map(|account| account.0),
            unread: head.unread + i64::from(!draft.silenced),
        };
        let row = NewRow {
            id,
            tenant: whose.tenant,
            user: whose.user,
            account,
            draft,
            decision: serde_json::to_value(&draft.decisions).map_err(|error| Error::Other(error.to_string()))?,
            payload: entry.payload.clone(),
            nseq: entry.nseq,
            unread: entry.unread,
            now,
            expires_at: now + self.retention,
        };
        if !insert(tx, row).await? {
            return Ok(None);
        }
        let created = NotificationCreated {
            notification_id: id.to_string(),
            account_id: account.map(|account| account.to_string()).unwrap_or_default(),
            notification_type: draft.kind.as_str().to_owned(),
            nseq: entry.nseq,
            email_id: draft.email_id.clone().unwrap_or_default(),
            message_id: draft.message_id.clone().unwrap_or_default(),
        };
        let envelope = Envelope::of(EventId(self.seams.ids.uuid()), now, &created)
            .owned_by(whose.tenant.clone(), whose.user.clone(), account)
            .traced(whose.trace)
            .on_stream(stream(account, head.epoch));
        outbox::append(tx, vec![envelope]).await?;
        let raised = Raised { id, nseq: entry.nseq };
        self.metrics.raised(draft.kind);
        if let Some(hint) = self.hint(whose, head.epoch, vec![entry]) {
            let announcer = self.announcer.clone();
            tx.on_commit(move || announcer.announce(hint));
        }
        Ok(Some(raised))
    }
}
