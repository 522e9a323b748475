//! Raising a notification.

use postrider_contracts::notification::NotificationCreated;
use postrider_domain::{ConnectorId, NotificationId};
use postrider_storage::{Error, TenantTx};

use super::dispatch::Dispatch;
use super::{Actions, Owner, Told};
use crate::observe;
use crate::rules::decision::without_mails;
use crate::rules::{Draft, Live};
use crate::store::log::Entry;
use crate::store::notifications::{self, NewNotification};
use crate::store::{quiet_ends, users};

/// What was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    pub id: NotificationId,
    pub nseq: i64,
}

impl Actions {
    /// Writes the notification if its business key is new; `None` if the user was told before.
    pub async fn raise(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        account: Option<ConnectorId>,
        draft: Draft,
    ) -> Result<Option<Raised>, Error> {
        let Owner { tenant, user, .. } = owner;
        let mut draft = draft.storable();
        let now = self.now();
        let id = NotificationId(self.seams.ids.uuid());
        if !self.mails {
            draft.decisions = without_mails(draft.decisions);
        }
        let browsers = self.reachable(tx, owner, &mut draft).await?;
        let draft = &draft;
        let head = users::lock(tx, tenant, user, self.seams.ids.uuid(), now).await?;
        let (room, event) = draft.event();
        let entry = Entry {
            nseq: head.nseq + 1,
            room,
            event: event.to_owned(),
            payload: draft.payload(&id.to_string()),
            account_id: account,
            unread: head.unread + i64::from(draft.silenced.is_none()),
            silent: draft.live() != Live::Now,
        };
        let decision = serde_json::to_value(&draft.decisions).map_err(|error| Error::Other(error.to_string()))?;
        let expires_at = now + self.retention;
        let new = NewNotification { id, tenant, user, account, draft, decision, now, expires_at, entry: &entry };
        if !notifications::insert(tx, new).await? {
            return Ok(None);
        }
        self.dispatch(tx, owner, Dispatch { id, account, draft, browsers, now }).await?;
        if let Some(until) = draft.held_until() {
            quiet_ends::note(tx, self.seams.ids.uuid(), tenant, user, until, now).await?;
        }
        let created = NotificationCreated {
            notification_id: id.to_string(),
            account_id: account.map(|account| account.to_string()).unwrap_or_default(),
            notification_type: draft.kind.to_string(),
            nseq: entry.nseq,
            email_id: draft.email_id.clone().unwrap_or_default(),
            message_id: draft.message_id.clone().unwrap_or_default(),
        };
        let raised = Raised { id, nseq: entry.nseq };
        let told = Told { epoch: head.epoch, now, entries: vec![entry], events: vec![(account, created)] };
        self.tell(tx, owner, told).await?;
        observe::raised(&self.metrics, draft.kind);
        Ok(Some(raised))
    }
}
