//! `notification.mailbox`: what happens to mail and to sync runs becomes notifications.

use std::collections::HashSet;

use async_trait::async_trait;
use postrider_contracts::mailbox::{
    AttachmentStored, EmailLabelsChanged, EmailReceived, EmailSent, EmailSummary, QuotaWarning, RunState,
    SyncCompleted, SyncFailed,
};
use postrider_contracts::topology::NOTIFICATION_MAILBOX;
use postrider_contracts::{Envelope, Event, OriginKey, Queue, streams};
use postrider_domain::Timestamp;
use postrider_domain::text::without_nul;
use postrider_events::streams::{Applied, Applier, ApplyError};
use postrider_storage::TenantTx;
use serde_json::json;

use super::outcome::{Refusal, missing, outcome};
use crate::actions::{Actions, Owner, feed_seq};
use crate::deliveries::{self, Told};
use crate::rules::withdrawal::{Withdrawal, after_change};
use crate::rules::{self, Account, OwnDigest, Recipient, Verdict, mail, sync_run, trouble};
use crate::store::{accounts, feed, preferences};

/// Applies events of the sync-worker.
pub struct MailboxEvents {
    pub actions: Actions,
    /// Mails of our own are signed with one of these.
    pub origin_keys: Vec<OriginKey>,
}

#[async_trait]
impl Applier for MailboxEvents {
    fn consumer(&self) -> &'static str {
        NOTIFICATION_MAILBOX.name
    }

    fn queue(&self) -> &'static Queue {
        &NOTIFICATION_MAILBOX
    }

    /// Events of one user take one lock; those of several take several, in the order of their streams.
    fn must_prepare(&self, fresh: &[&Envelope]) -> bool {
        let owner = |event: &&Envelope| (event.tenant.clone(), event.user.clone());
        fresh.iter().map(owner).collect::<HashSet<_>>().len() > 1
    }

    async fn prepare(&self, tx: &mut TenantTx, events: &[&Envelope]) -> Result<(), ApplyError> {
        Ok(self.actions.lock_users(tx, events).await?)
    }

    async fn apply(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError> {
        outcome(self.take(tx, event).await)
    }
}

impl MailboxEvents {
    async fn take(&self, tx: &mut TenantTx, event: &Envelope) -> Result<(), Refusal> {
        let account = self.record(tx, event).await?;
        self.tell(tx, event, account).await
    }

    /// Writes the event into its account's feed, and has endpoints told that want it.
    async fn record(&self, tx: &TenantTx, event: &Envelope) -> Result<Account, Refusal> {
        let (tenant, user, id, now) = (event.tenant()?, event.user()?, event.connector()?, self.actions.now());
        let (kind, data) = rules::feed::entry(event)?;
        let account = accounts::find_or_expect(tx, tenant, user, id, event.time).await?;
        let Some(position) = event.position.as_ref().filter(|place| place.stream == streams::mailbox(id)) else {
            return Ok(account);
        };
        // Of an erased account only that something was there.
        let erased = account.is_erased() && event.time <= account.version_at;
        let (kind, data) = if erased { ("erased".to_owned(), json!({})) } else { (kind, data) };
        let (event_id, seq, time) = (event.id.0, position.seq, event.time);
        let entry = feed::Entry { account_id: id, seq, event_id, kind, time, data };
        feed::insert(tx, tenant, &account.owner, &entry, now).await?;
        let (bells, tenant_of, owner) = (self.actions.feed_bells().clone(), tenant.clone(), account.owner.clone());
        tx.on_commit(move || bells.ring(&tenant_of, &owner));
        if !erased {
            let (user, kind) = (&account.owner, entry.kind.as_str());
            let account = Some(id);
            let told =
                Told { tenant, user, event_id, kind, account, seq: Some(seq), notification: None, now, due: now };
            deliveries::enqueue(tx, self.actions.ids(), self.actions.bell(), told).await?;
        }
        Ok(account)
    }

    /// Reads the event, finds whom it concerns, decides, and writes what was decided.
    async fn tell(&self, tx: &mut TenantTx, event: &Envelope, account: Account) -> Result<(), Refusal> {
        if event.event_type == EmailLabelsChanged::TYPE {
            return self.follow(tx, event, &account).await;
        }
        let Some(news) = News::read(event)? else { return Ok(()) };
        let to = recipient(tx, event, account, self.actions.now()).await?;
        let tenant = event.tenant()?;
        let own = |mail: &EmailSummary| OwnDigest::of(mail, tenant, &to.account.owner, &self.origin_keys);
        let verdict = news.judge(own, &to);
        if let News::Received(email) = &news
            // Ours, be it another user's: what a trigger mails about it would set off the next one, for ever.
            && email.origin.is_empty()
            && !to.is_erased()
        {
            let owner = Owner { tenant, user: &to.account.owner, trace: event.trace };
            self.actions.fire(tx, owner, to.account.id, email, feed_seq(event, to.account.id)).await?;
        }
        self.actions.carry_out(tx, tenant, &to.account, event, verdict).await?;
        if let News::SyncCompleted(run) = &news {
            self.actions.carry_out(tx, tenant, &to.account, event, sync_run::rest(run, &to)).await?;
            if sync_run::is_first(run, &to) {
                accounts::mark_first_sync(tx, tenant, to.account.id, event.time).await?;
            }
        }
        Ok(())
    }
}

impl MailboxEvents {
    /// What was told of a mail is taken back, should its labels say so.
    async fn follow(&self, tx: &mut TenantTx, event: &Envelope, account: &Account) -> Result<(), Refusal> {
        let change = event.decode::<EmailLabelsChanged>()?;
        let Withdrawal::Withdraw(reason) = after_change(change.spam, account.include_spam_trash) else { return Ok(()) };
        let owner = Owner { tenant: event.tenant()?, user: &account.owner, trace: event.trace };
        let message_id = without_nul(change.message_id);
        Ok(self.actions.withdraw(tx, owner, account.id, &message_id, reason).await?)
    }
}

/// What a user may be told about.
enum News {
    Received(EmailSummary),
    Sent(EmailSummary),
    SyncCompleted(RunState),
    SyncFailed(RunState),
    Attachment(AttachmentStored),
    Quota(QuotaWarning),
}

impl News {
    /// Nothing for events that are for feeds, not for a user's attention: backfill, progress, coverage, deletions.
    fn read(event: &Envelope) -> Result<Option<Self>, Refusal> {
        let email = |email: Option<EmailSummary>| email.ok_or_else(|| missing("email"));
        let run = |run: Option<RunState>| run.ok_or_else(|| missing("run"));
        Ok(Some(match event.event_type.as_str() {
            EmailReceived::TYPE => Self::Received(email(event.decode::<EmailReceived>()?.email)?),
            EmailSent::TYPE => Self::Sent(email(event.decode::<EmailSent>()?.email)?),
            SyncCompleted::TYPE => Self::SyncCompleted(run(event.decode::<SyncCompleted>()?.run)?),
            SyncFailed::TYPE => Self::SyncFailed(run(event.decode::<SyncFailed>()?.run)?),
            AttachmentStored::TYPE => Self::Attachment(event.decode()?),
            QuotaWarning::TYPE => Self::Quota(event.decode()?),
            _ => return Ok(None),
        }))
    }

    fn judge(&self, own: impl Fn(&EmailSummary) -> OwnDigest, to: &Recipient) -> Verdict {
        match self {
            Self::Received(email) => mail::received(email, own(email), to),
            Self::Sent(email) => mail::sent(email, own(email), to),
            Self::SyncCompleted(run) => sync_run::completed(run, to),
            Self::SyncFailed(run) => sync_run::failed(run, to),
            Self::Attachment(stored) => mail::attachment(stored, to),
            Self::Quota(warning) => trouble::quota(warning, to),
        }
    }
}

/// Whom an event of a mailbox concerns.
async fn recipient(tx: &TenantTx, event: &Envelope, account: Account, now: Timestamp) -> Result<Recipient, Refusal> {
    let effective = preferences::effective(tx, event.tenant()?, &account.owner, Some(account.id)).await?;
    Ok(Recipient { account, preferences: effective.preferences, at: event.time, now })
}
