//! Looks into mails whose text decides whether a trigger is set off: each by one replica, which claims a row.

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use futures_util::stream;
use postrider_domain::TenantId;
use postrider_storage::{Db, Error};

use crate::actions::{Actions, Cause, Owner};
use crate::mail_texts::{MailText, MailTexts};
use crate::observe;
use crate::rules::trigger::Config;
use crate::rules::webhook;
use crate::store::trigger_checks::{self, Check, Due};
use crate::store::triggers::{self, Trigger};

/// Claimed in one go: a mail may be megabytes.
const BATCH: i64 = 8;
/// Looked into at once: one whose text is long in coming keeps no other from being looked into within its claim.
const AT_ONCE: usize = 4;

/// Works off what is due. A mail that cannot be looked into now is claimed again, ever later, and holds nothing up.
pub async fn check_triggers(db: &Db, actions: &Actions, texts: &dyn MailTexts) -> Result<(), Error> {
    loop {
        let tx = db.system().await?;
        let due = trigger_checks::claim(&tx, actions.now(), BATCH).await?;
        tx.commit().await?;
        if due.is_empty() {
            return Ok(());
        }
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, |Due { tenant, id }| async move {
                if let Err(error) = one(db, actions, texts, &tenant, id).await {
                    tracing::warn!(%error, "a mail could not be looked into for a trigger");
                }
            })
            .await;
    }
}

async fn one(
    db: &Db,
    actions: &Actions,
    texts: &dyn MailTexts,
    tenant: &TenantId,
    id: uuid::Uuid,
) -> Result<(), Error> {
    let tx = db.tenant(tenant).await?;
    let Some(check) = trigger_checks::find(&tx, tenant, id).await? else { return Ok(()) };
    let wanted = triggers::find(&tx, tenant, check.trigger_id).await?.filter(|trigger| wants(trigger, &check));
    tx.commit().await?;
    let Some(trigger) = wanted else { return done(db, tenant, &check).await };
    match texts.find(tenant, &check.user_id, &check.email_id).await {
        Ok(Some(mail)) => judge(db, actions, tenant, (&trigger, &check), mail).await,
        Ok(None) => done(db, tenant, &check).await,
        Err(error) => {
            let wait = webhook::planned(check.attempts, actions.unit()).and_then(|wait| TimeDelta::from_std(wait).ok());
            let Some(wait) = wait else {
                observe::check_given_up(check.trigger_id, &check.email_id, &error);
                return done(db, tenant, &check).await;
            };
            tracing::warn!(trigger.id = %check.trigger_id, %error, "the text of a mail is not to be had now");
            let tx = db.tenant(tenant).await?;
            trigger_checks::put_off(&tx, tenant, check.id, actions.now() + wait).await?;
            tx.commit().await
        }
    }
}

/// Switched off or changed meanwhile, it wants nothing any more.
fn wants(trigger: &Trigger, check: &Check) -> bool {
    let looks =
        serde_json::from_value::<Config>(trigger.config.clone()).is_ok_and(|config| config.body_contains.is_some());
    trigger.enabled && looks && trigger.account_id == Some(check.account_id)
}

async fn judge(
    db: &Db,
    actions: &Actions,
    tenant: &TenantId,
    (trigger, check): (&Trigger, &Check),
    mail: MailText,
) -> Result<(), Error> {
    let config = serde_json::from_value::<Config>(trigger.config.clone());
    let matches = config.is_ok_and(|config| config.text_matches(mail.text.as_deref().unwrap_or_default()));
    let mut tx = db.tenant(tenant).await?;
    if matches {
        actions.lock_user(&tx, tenant, &check.user_id).await?;
    }
    // Whoever takes the row away is the one that sets it off.
    if trigger_checks::delete(&tx, tenant, check.id).await? && matches {
        let cause = Cause {
            mail: Some((check.message_id.clone(), check.email_id.clone())),
            feed_seq: check.feed_seq,
            message: mail.subject.unwrap_or_default(),
            sender_email: mail.sender.email.unwrap_or_default(),
            sender_name: mail.sender.name.unwrap_or_default(),
            ..Cause::default()
        };
        let owner = Owner { tenant, user: &check.user_id, trace: None };
        actions.set_off(&mut tx, owner, trigger, cause).await?;
    }
    tx.commit().await
}

async fn done(db: &Db, tenant: &TenantId, check: &Check) -> Result<(), Error> {
    let tx = db.tenant(tenant).await?;
    trigger_checks::delete(&tx, tenant, check.id).await?;
    tx.commit().await
}
