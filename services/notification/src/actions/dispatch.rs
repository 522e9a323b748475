//! Handing a notification to the channels it goes out by: a delivery for each place, in the transaction that writes it.

use postrider_domain::{ConnectorId, NotificationId, Timestamp};
use postrider_storage::{Error, TenantTx};
use uuid::Uuid;

use super::{Actions, Owner};
use crate::deliveries::{self, Pushed};
use crate::rules::decision::without_browsers;
use crate::rules::{Channel, Draft, Kind};
use crate::store::deliveries::{NewMail, insert_mail};
use crate::store::push_subscriptions;

/// What is handed on.
pub(super) struct Dispatch<'a> {
    pub id: NotificationId,
    pub account: Option<ConnectorId>,
    pub draft: &'a Draft,
    pub browsers: Vec<Uuid>,
    pub now: Timestamp,
}

impl Actions {
    /// The browsers of a user that a notification goes to. Without any it does not go there, and says so.
    pub(super) async fn reachable(
        &self,
        tx: &TenantTx,
        owner: Owner<'_>,
        draft: &mut Draft,
    ) -> Result<Vec<Uuid>, Error> {
        if !draft.goes_by(Channel::Push) {
            return Ok(Vec::new());
        }
        let browsers = push_subscriptions::ids(tx, owner.tenant, owner.user).await?;
        if browsers.is_empty() {
            draft.decisions = without_browsers(std::mem::take(&mut draft.decisions));
        }
        Ok(browsers)
    }

    /// Writes its deliveries.
    pub(super) async fn dispatch(&self, tx: &TenantTx, owner: Owner<'_>, what: Dispatch<'_>) -> Result<(), Error> {
        let (Owner { tenant, user, .. }, Dispatch { id, account, draft, browsers, now }) = (owner, what);
        let (ids, event_id, kind, due) = (self.seams.ids.as_ref(), id.0, "notification.created", self.due(draft));
        if draft.goes_by(Channel::Webhook) {
            let told =
                deliveries::Told { tenant, user, event_id, kind, account, seq: None, notification: Some(id), now, due };
            deliveries::enqueue(tx, ids, &self.bell, told).await?;
        }
        if draft.goes_by(Channel::Email) {
            self.mail(tx, owner, event_id, (kind, account), (&[id], due)).await?;
        }
        if !browsers.is_empty() {
            let pushed = Pushed { tenant, user, event_id, kind, account, notifications: &[id], now, due };
            deliveries::push(tx, ids, &self.bell, &browsers, pushed).await?;
        }
        Ok(())
    }

    /// Writes a mail about these notifications, oldest first.
    pub(super) async fn mail(
        &self,
        tx: &TenantTx,
        owner: Owner<'_>,
        event_id: Uuid,
        (kind, account): (&str, Option<ConnectorId>),
        (notifications, due): (&[NotificationId], Timestamp),
    ) -> Result<(), Error> {
        let (id, now) = (self.seams.ids.uuid(), self.now());
        let new = NewMail {
            id,
            user: owner.user,
            event_id,
            kind,
            account,
            notifications,
            digest: None,
            address: None,
            due,
            now,
        };
        if insert_mail(tx, owner.tenant, new).await? {
            let bell = self.mail_bell.clone();
            tx.on_commit(move || bell.ring());
        }
        Ok(())
    }

    /// A new mail may still turn out to be spam: what leaves the house waits a little.
    fn due(&self, draft: &Draft) -> Timestamp {
        let now = self.now();
        // What a trigger says of it, too.
        let of_new_mail = draft.kind == Kind::NewMessage || draft.kind == Kind::Custom && draft.message_id.is_some();
        if of_new_mail { now + self.spam_hold } else { now }
    }
}
