//! `notification.mailbox`: what happens to mail and to sync runs becomes notifications.

use async_trait::async_trait;
use postrider_contracts::mailbox::{
    AttachmentStored, EmailDeleted, EmailLabelsChanged, EmailReceived, EmailRestored, EmailSent, QuotaWarning,
    SyncCompleted, SyncFailed,
};
use postrider_contracts::topology::NOTIFICATION_MAILBOX;
use postrider_contracts::{Envelope, Event, Queue};
use postrider_events::streams::{Applied, Applier, ApplyError};
use postrider_storage::TenantTx;

use super::effect::{Concerned, Effects, concerned, decode};
use crate::rules::withdrawal::{Withdrawal, after_change};
use crate::rules::{Verdict, mail, sync_run, trouble};
use crate::store::accounts;

/// Applies events of the sync-worker.
pub struct MailboxEvents {
    effects: Effects,
}

impl MailboxEvents {
    pub fn new(effects: Effects) -> Self {
        Self { effects }
    }
}

#[async_trait]
impl Applier for MailboxEvents {
    fn consumer(&self) -> &'static str {
        NOTIFICATION_MAILBOX.name
    }

    fn queue(&self) -> &'static Queue {
        &NOTIFICATION_MAILBOX
    }

    async fn apply(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError> {
        match event.event_type.as_str() {
            EmailReceived::TYPE
            | EmailSent::TYPE
            | SyncCompleted::TYPE
            | SyncFailed::TYPE
            | AttachmentStored::TYPE
            | QuotaWarning::TYPE => self.tell(tx, event).await,
            EmailDeleted::TYPE | EmailLabelsChanged::TYPE | EmailRestored::TYPE => match after_change() {
                Withdrawal::Keep => Ok(Applied::Done),
            },
            // Backfill, progress and coverage are for feeds, not for a user's attention.
            _ => Ok(Applied::Done),
        }
    }
}

impl MailboxEvents {
    async fn tell(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError> {
        let of = match concerned(tx, event).await? {
            Ok(of) => of,
            Err(dead) => return Ok(dead),
        };
        let verdict = match verdict(event, &of) {
            Ok(verdict) => verdict,
            Err(dead) => return Ok(dead),
        };
        self.effects.take(tx, event, (&of.tenant, &of.account), verdict).await?;
        if first_sync_done(event, &of) {
            accounts::mark_first_sync(tx, &of.tenant, of.account.id, event.time).await?;
        }
        Ok(Applied::Done)
    }
}

fn verdict(event: &Envelope, of: &Concerned) -> Result<Verdict, Applied> {
    let (account, preferences, time) = (&of.account, &of.preferences, event.time);
    let missing = |what: &str| Applied::DeadLetter(format!("the event has no {what}"));
    Ok(match event.event_type.as_str() {
        EmailReceived::TYPE => {
            let email = decode::<EmailReceived>(event)?.email.ok_or_else(|| missing("email"))?;
            mail::received(&email, account, preferences, time)
        }
        EmailSent::TYPE => {
            let email = decode::<EmailSent>(event)?.email.ok_or_else(|| missing("email"))?;
            mail::sent(&email, account, preferences, time)
        }
        SyncCompleted::TYPE => {
            let run = decode::<SyncCompleted>(event)?.run.ok_or_else(|| missing("run"))?;
            sync_run::completed(&run, account, preferences, time)
        }
        SyncFailed::TYPE => {
            let run = decode::<SyncFailed>(event)?.run.ok_or_else(|| missing("run"))?;
            sync_run::failed(&run, account, preferences, time)
        }
        AttachmentStored::TYPE => mail::attachment(&decode(event)?, account, preferences, time),
        QuotaWarning::TYPE => trouble::quota(&decode(event)?, account, preferences, time),
        _ => Verdict::Ignore,
    })
}

/// Whether the event ends the account's first complete sync.
fn first_sync_done(event: &Envelope, of: &Concerned) -> bool {
    event.event_type == SyncCompleted::TYPE
        && decode::<SyncCompleted>(event)
            .ok()
            .and_then(|it| it.run)
            .is_some_and(|run| sync_run::is_first(&run, &of.account))
}
