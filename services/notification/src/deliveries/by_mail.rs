//! Mails: one to an address, and what comes of it. Mails have workers of their own, one for each connection to the mail
//! server: one that hangs must not hold up what goes out by HTTP.
//!
//! Sending is not one step with noting that it was sent. So the row says when the content is handed over, and that is
//! committed first: whoever finds it said and no outcome knows that the mail may have arrived. It is sent once more, under the
//! same Message-ID, and marked as doubtful.

mod plan;

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::join_all;
use postrider_contracts::{OriginKey, OwnMail, Purpose};
use postrider_domain::{Seams, TenantId};
use postrider_runtime::config::PublicUrl;
use postrider_storage::{Db, Error};
use tokio_util::sync::CancellationToken;

use super::Bell;
use crate::actions::wait_for_it;
use crate::channels::email::{Content, Mailer, compose};
use crate::metrics::Metrics;
use crate::observe;
use crate::reconnect::{NoLink, ReconnectLinks};
use crate::rules::mail_attempt::{self, Attempt, Next};
use crate::rules::mail_token::MailKey;
use crate::rules::page::Action;
use crate::rules::webhook::DeliveryState;
use crate::store::deliveries::{self, Due, Ended, MailRow};
use crate::store::digests;
pub use plan::CONFIRM;
use plan::{Plan, Written};

/// How long a mail waits for the connector.
const CONNECTOR_AWAY: TimeDelta = TimeDelta::minutes(1);
/// How long it does so in all.
const CONNECTOR_MAY_BE_AWAY: TimeDelta = TimeDelta::hours(1);

/// What mails are made and known by.
#[derive(Clone)]
pub struct MailIdentity {
    pub public: PublicUrl,
    /// Sign the links in them; the first one does.
    pub keys: Vec<MailKey>,
    /// Mark them as ours; the first one does.
    pub origins: Vec<OriginKey>,
}

/// Sends mails. Cheap to clone.
#[derive(Clone)]
pub struct Postman {
    pub db: Db,
    pub seams: Seams,
    pub mailer: Mailer,
    pub identity: MailIdentity,
    pub reconnect: Arc<dyn ReconnectLinks>,
    pub bell: Bell,
    pub metrics: Arc<Metrics>,
    /// No mail is begun any more once this says so: one that is cut off is a doubtful one.
    pub stop: CancellationToken,
}

impl Postman {
    /// All workers work off what is due. One that fails leaves the others to what they have under way.
    pub async fn work(&self) -> Result<(), Error> {
        let workers = (0..self.workers()).map(|_| self.until_nothing_is_due());
        join_all(workers).await.into_iter().collect()
    }

    /// One for each connection to the mail server. Each has turns of its own, so that a mail which hangs holds up no later
    /// one.
    pub fn workers(&self) -> usize {
        self.mailer.settings().connections
    }

    /// One worker's turn.
    pub async fn until_nothing_is_due(&self) -> Result<(), Error> {
        while !self.stop.is_cancelled() {
            let tx = self.db.system().await?;
            let due = deliveries::claim_mails(&tx, self.seams.clock.now(), 1).await?;
            tx.commit().await?;
            let Some(due) = due.first() else { return Ok(()) };
            // Where there is one there may be more: the next worker looks, and wakes the next.
            self.bell.ring();
            // Its claim ends by itself; the others go on.
            if let Err(error) = self.one(due).await {
                tracing::warn!(%error, "a mail could not be worked off");
            }
        }
        Ok(())
    }

    async fn one(&self, due: &Due) -> Result<(), Error> {
        let tenant = &due.tenant;
        let tx = self.db.tenant(tenant).await?;
        let found = deliveries::find_mail(&tx, tenant, due.id).await?;
        let Some(mail) = found.filter(|found| found.state == DeliveryState::Pending) else { return Ok(()) };
        if mail.handed_over_at.is_some() && !mail.overdue {
            // Another replica is at it: the claim ended between its hand-over and this look.
            return Ok(());
        }
        // Whoever handed it over died before it could say what came of it.
        let lost = mail.handed_over_at.is_some();
        let doubtful = mail.doubtful || lost;
        if lost && mail.doubtful {
            tx.commit().await?;
            return self.conclude(tenant, &mail, true, Attempt::Doubtful).await;
        }
        let plan = self.plan(&tx, tenant, &mail).await?;
        if let Plan::Later(until) = plan {
            let ids = self.seams.ids.as_ref();
            let times = (self.seams.clock.now(), until);
            wait_for_it(&tx, ids, (tenant, &mail.user_id), mail.id, times).await?;
        }
        tx.commit().await?;
        match plan {
            Plan::Write(written) => self.write(tenant, &mail, *written, doubtful).await,
            Plan::Nothing(why) => self.say_nothing(tenant, &mail, doubtful, DeliveryState::Skipped, why).await,
            Plan::Later(_) => Ok(()),
        }
    }

    async fn write(
        &self,
        tenant: &TenantId,
        mail: &MailRow,
        mut written: Written,
        doubtful: bool,
    ) -> Result<(), Error> {
        if let Some(account) = written.reconnect {
            match self.reconnect.mint(tenant, &mail.user_id, account).await {
                Ok(url) => {
                    let label = "Connect it again (good for seven days)".to_owned();
                    written.page.action = Some(Action { label, url: url.expose().to_owned() });
                }
                Err(NoLink::Enough) => {}
                Err(NoLink::NotNeeded) => {
                    return self.say_nothing(tenant, mail, doubtful, DeliveryState::Skipped, "works_again").await;
                }
                // Nobody may miss that an account stands still: in the end the mail goes without a link.
                Err(NoLink::Away) if self.seams.clock.now() - mail.created_at >= CONNECTOR_MAY_BE_AWAY => {}
                Err(NoLink::Away) => {
                    let tx = self.db.tenant(tenant).await?;
                    deliveries::put_off_mail(&tx, tenant, mail.id, self.seams.clock.now() + CONNECTOR_AWAY).await?;
                    return tx.commit().await;
                }
            }
        }
        let message_id = self.message_id(mail);
        let signed = OwnMail { purpose: Purpose::Digest, tenant, user: &mail.user_id, message_id: &message_id };
        let origin = self.identity.origins.first().map(|key| signed.sign(key)).unwrap_or_default();
        let content = Content {
            to: &written.to,
            message_id: &message_id,
            at: self.seams.clock.now(),
            page: &written.page,
            origin: &origin,
        };
        let Ok(letter) = compose(&self.mailer.settings().from, &content) else {
            return self.say_nothing(tenant, mail, doubtful, DeliveryState::Failed, "address_invalid").await;
        };
        let tx = self.db.tenant(tenant).await?;
        let ours = deliveries::hand_over(&tx, tenant, mail, doubtful).await?;
        tx.commit().await?;
        if !ours {
            return Ok(());
        }
        let attempt = self.mailer.send(&letter).await;
        self.conclude(tenant, mail, doubtful, attempt).await
    }

    /// The same on every attempt: a second copy is known by it.
    pub fn message_id(&self, mail: &MailRow) -> String {
        format!("{}@{}", mail.id, self.mailer.settings().domain())
    }

    /// Writes what an attempt came to.
    async fn conclude(&self, tenant: &TenantId, mail: &MailRow, doubtful: bool, attempt: Attempt) -> Result<(), Error> {
        let now = self.seams.clock.now();
        let next = mail_attempt::next(attempt, mail.attempts, doubtful, now, self.seams.entropy.unit());
        let (state, due) = match next {
            Next::Delivered => (DeliveryState::Delivered, None),
            Next::Again(due) => (DeliveryState::Pending, Some(due)),
            Next::GiveUp => (DeliveryState::Failed, None),
        };
        let doubtful = doubtful || attempt == Attempt::Doubtful;
        let ended = Ended { state, due, status_code: attempt.code(), error: attempt.error(), now };
        let tx = self.db.tenant(tenant).await?;
        let written = deliveries::end_mail(&tx, tenant, mail, doubtful, ended).await?;
        if let (Some(digest), Next::Delivered, true) = (mail.digest, next, written) {
            digests::sent(&tx, tenant, digest, now).await?;
        }
        tx.commit().await?;
        observe::mail_tried(&self.metrics, attempt);
        if doubtful && due.is_none() {
            observe::mail_doubtful(&self.metrics, &self.message_id(mail));
        }
        Ok(())
    }

    /// It ends without having been sent.
    async fn say_nothing(
        &self,
        tenant: &TenantId,
        mail: &MailRow,
        doubtful: bool,
        state: DeliveryState,
        why: &str,
    ) -> Result<(), Error> {
        let ended = Ended { state, due: None, status_code: None, error: Some(why), now: self.seams.clock.now() };
        let tx = self.db.tenant(tenant).await?;
        let written = deliveries::end_mail(&tx, tenant, mail, doubtful, ended).await?;
        tx.commit().await?;
        if doubtful && written {
            // An earlier attempt may have arrived, whatever ends it now.
            observe::mail_doubtful(&self.metrics, &self.message_id(mail));
        }
        Ok(())
    }
}
