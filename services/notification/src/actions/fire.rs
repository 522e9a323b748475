//! Setting triggers off: once for each trigger and mail, or request.

use chrono::SubsecRound as _;
use postrider_contracts::mailbox::EmailSummary;
use postrider_contracts::notification::TriggerFired;
use postrider_contracts::{Envelope, streams};
use postrider_domain::text::without_nul;
use postrider_domain::{ConnectorId, EventId};
use postrider_events::outbox;
use postrider_storage::{Error, TenantTx};
use serde_json::{Value, json};

use super::{Actions, Owner};
use crate::deliveries::{self, Told};
use crate::rules::Draft;
use crate::rules::custom::{Custom, custom};
use crate::rules::trigger::{Config, widened};
use crate::store::trigger_checks::{self, Check};
use crate::store::triggers::{self, Fire, Trigger};
use crate::store::{preferences, users};

/// What sets a trigger off, and what is said of it.
#[derive(Debug, Clone, Default)]
pub struct Cause {
    /// Gmail's id of the mail, and ours.
    pub mail: Option<(String, String)>,
    /// `webhook-id` of the request.
    pub request_id: Option<String>,
    pub feed_seq: Option<i64>,
    pub message: String,
    pub sender_email: String,
    pub sender_name: String,
    /// What a request brought along.
    pub payload: Option<Value>,
}

impl Cause {
    fn of(mail: &EmailSummary, feed_seq: Option<i64>) -> Self {
        let from = mail.from.clone().unwrap_or_default();
        Self {
            mail: Some((without_nul(mail.message_id.clone()), without_nul(mail.email_id.clone()))),
            feed_seq,
            message: mail.subject.clone(),
            sender_email: from.email,
            sender_name: from.name,
            ..Self::default()
        }
    }

    /// What makes it the same once more.
    fn key(&self) -> &str {
        self.mail.as_ref().map(|(message_id, _)| message_id).or(self.request_id.as_ref()).map_or("", String::as_str)
    }
}

impl Actions {
    /// Sets off what a new mail of an account is meant by. Where its text decides, it is looked into later.
    pub async fn fire(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        account: ConnectorId,
        mail: &EmailSummary,
        feed_seq: Option<i64>,
    ) -> Result<(), Error> {
        let cause = Cause::of(mail, feed_seq);
        for trigger in triggers::enabled(tx, owner.tenant, owner.user, account).await? {
            // A form that this version cannot read is a newer one's.
            let Ok(config) = serde_json::from_value::<Config>(trigger.config.clone()) else { continue };
            if !config.matches(mail) {
                continue;
            }
            if config.body_contains.is_some() {
                self.look_into(tx, owner, (&trigger, account), &cause).await?;
            } else {
                self.set_off(tx, owner, &trigger, cause.clone()).await?;
            }
        }
        Ok(())
    }

    async fn look_into(
        &self,
        tx: &TenantTx,
        owner: Owner<'_>,
        (trigger, account_id): (&Trigger, ConnectorId),
        cause: &Cause,
    ) -> Result<(), Error> {
        let Some((message_id, email_id)) = cause.mail.clone() else { return Ok(()) };
        let check = Check {
            id: self.seams.ids.uuid(),
            user_id: owner.user.clone(),
            trigger_id: trigger.id,
            account_id,
            message_id,
            email_id,
            feed_seq: cause.feed_seq,
            attempts: 0,
            created_at: self.now(),
        };
        trigger_checks::insert(tx, owner.tenant, &check).await?;
        let bell = self.check_bell.clone();
        tx.on_commit(move || bell.ring());
        Ok(())
    }

    /// Writes the fire, its event and its deliveries; nothing if it was written before. The user is locked first, as
    /// everywhere: the event would lock the stream's head, which who tells the user of a mail locks after the user.
    pub async fn set_off(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        trigger: &Trigger,
        cause: Cause,
    ) -> Result<Option<Fire>, Error> {
        self.lock_user(tx, owner.tenant, owner.user).await?;
        // As rows keep it: what is answered now is what a repeat is answered.
        let now = self.now().trunc_subsecs(6);
        let (Owner { tenant, user, .. }, account) = (owner, trigger.account_id);
        let (message_id, email_id) = cause.mail.clone().unzip();
        let fire = Fire {
            id: self.seams.ids.uuid(),
            trigger_id: trigger.id,
            account_id: account,
            message_id,
            email_id,
            request_id: cause.request_id.clone(),
            feed_seq: cause.feed_seq,
            created_at: now,
        };
        if !triggers::fire(tx, tenant, &fire).await? {
            return Ok(None);
        }
        let fired = TriggerFired {
            trigger_id: trigger.id.to_string(),
            name: trigger.name.clone(),
            email_id: fire.email_id.clone().unwrap_or_default(),
            message_id: fire.message_id.clone().unwrap_or_default(),
            account_id: account.map(|account| account.to_string()).unwrap_or_default(),
        };
        // Without an account it is the user's own stream, named by the epoch.
        let stream = match account {
            Some(account) => account,
            None => ConnectorId(users::find_or_make(tx, tenant, user, self.seams.ids.uuid(), now).await?.epoch),
        };
        let envelope = Envelope::of(EventId(fire.id), now, &fired)
            .owned_by(tenant.clone(), user.clone(), account)
            .traced(owner.trace)
            .on_stream(streams::notification(stream));
        outbox::append(tx, vec![envelope]).await?;
        let (event_id, kind) = (fire.id, "trigger.fired");
        let told = Told { tenant, user, event_id, kind, account, seq: None, notification: None, now, due: now };
        deliveries::enqueue(tx, self.ids(), &self.bell, told).await?;
        if trigger.in_app || !trigger.also.is_empty() {
            self.tell_fired(tx, owner, trigger, cause).await?;
        }
        Ok(Some(fire))
    }

    async fn tell_fired(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        trigger: &Trigger,
        cause: Cause,
    ) -> Result<(), Error> {
        let account = trigger.account_id;
        let values = preferences::effective(tx, owner.tenant, owner.user, account).await?.preferences;
        let key = format!("trigger/{}/{}", trigger.id, cause.key());
        let mut data = json!({ "triggerId": trigger.id });
        if let (Some((message_id, email_id)), Some(members)) = (&cause.mail, data.as_object_mut()) {
            members.insert("emailId".to_owned(), json!(email_id));
            members.insert("messageId".to_owned(), json!(message_id));
        }
        if let (Some(payload), Some(members)) = (cause.payload, data.as_object_mut()) {
            members.insert("payload".to_owned(), payload);
        }
        let given = Custom {
            title: trigger.name.clone(),
            message: cause.message,
            sender_email: Some(cause.sender_email).filter(|email| !email.is_empty()),
            sender_name: Some(cause.sender_name).filter(|name| !name.is_empty()),
            data,
        };
        let (feed_seq, (message_id, email_id)) = (cause.feed_seq, cause.mail.unzip());
        let draft = custom(given, key, &widened(values, &trigger.also), self.now());
        self.raise(tx, owner, account, Draft { feed_seq, message_id, email_id, also: trigger.also.clone(), ..draft })
            .await?;
        Ok(())
    }
}
