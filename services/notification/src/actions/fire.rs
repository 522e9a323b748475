//! Setting triggers off: once for each trigger and mail.

use postrider_contracts::mailbox::EmailSummary;
use postrider_contracts::notification::TriggerFired;
use postrider_contracts::{Envelope, streams};
use postrider_domain::text::without_nul;
use postrider_domain::{ConnectorId, EventId};
use postrider_events::outbox;
use postrider_storage::{Error, TenantTx};
use serde_json::json;

use super::{Actions, Owner};
use crate::deliveries::{self, Told};
use crate::rules::custom::{Custom, custom};
use crate::rules::trigger::Config;
use crate::store::preferences;
use crate::store::triggers::{self, Fire, Trigger};

impl Actions {
    /// Sets off what a new mail of an account is meant by.
    pub async fn fire(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        account: ConnectorId,
        mail: &EmailSummary,
    ) -> Result<(), Error> {
        for trigger in triggers::enabled(tx, owner.tenant, owner.user, account).await? {
            // A form that this version cannot read is a newer one's.
            let Ok(config) = serde_json::from_value::<Config>(trigger.config.clone()) else { continue };
            if config.matches(mail) {
                self.set_off(tx, owner, &trigger, mail).await?;
            }
        }
        Ok(())
    }

    async fn set_off(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        trigger: &Trigger,
        mail: &EmailSummary,
    ) -> Result<(), Error> {
        let (Owner { tenant, user, .. }, now, account) = (owner, self.now(), trigger.account_id);
        let fire = Fire {
            id: self.seams.ids.uuid(),
            trigger_id: trigger.id,
            account_id: account,
            message_id: without_nul(mail.message_id.clone()),
            email_id: without_nul(mail.email_id.clone()),
            created_at: now,
        };
        if !triggers::fire(tx, tenant, &fire).await? {
            return Ok(());
        }
        let fired = TriggerFired {
            trigger_id: trigger.id.to_string(),
            name: trigger.name.clone(),
            email_id: fire.email_id.clone(),
            message_id: fire.message_id.clone(),
            account_id: account.to_string(),
        };
        let envelope = Envelope::of(EventId(fire.id), now, &fired)
            .owned_by(tenant.clone(), user.clone(), Some(account))
            .traced(owner.trace)
            .on_stream(streams::notification(account));
        outbox::append(tx, vec![envelope]).await?;
        let (event_id, kind, account) = (fire.id, "trigger.fired", Some(account));
        let told = Told { tenant, user, event_id, kind, account, seq: None, notification: None, now };
        deliveries::enqueue(tx, self.ids(), &self.bell, told).await?;
        if trigger.in_app {
            self.tell_fired(tx, owner, trigger, mail).await?;
        }
        Ok(())
    }

    async fn tell_fired(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        trigger: &Trigger,
        mail: &EmailSummary,
    ) -> Result<(), Error> {
        let account = Some(trigger.account_id);
        let values = preferences::effective(tx, owner.tenant, owner.user, account).await?.preferences;
        let given = Custom {
            title: trigger.name.clone(),
            message: mail.subject.clone(),
            sender_email: mail.from.as_ref().map(|from| from.email.clone()).filter(|email| !email.is_empty()),
            sender_name: mail.from.as_ref().map(|from| from.name.clone()).filter(|name| !name.is_empty()),
            data: json!({ "triggerId": trigger.id, "emailId": mail.email_id, "messageId": mail.message_id }),
        };
        let key = format!("trigger/{}/{}", trigger.id, mail.message_id);
        let draft = custom(given, key, &values, self.now());
        self.raise(tx, owner, account, draft).await?;
        Ok(())
    }
}
