//! What a mail says, and to whom. It is read when it is sent: what was read, withdrawn or switched off meanwhile is not told
//! any more, and no address is written to that its user may not have mails sent to.

use std::collections::HashMap;

use postrider_domain::{NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx};

use super::{MailIdentity, Postman};
use crate::deliveries::addressee::addressee;
use crate::deliveries::wanted::{NAMED, Wanted, wanted};
use crate::digests::BY_SCHEDULE;
use crate::rules::digest::Schedule;
use crate::rules::mail_token::{Deed, List, MailToken};
use crate::rules::page::{self, Page, Told};
use crate::rules::preferences::Way;
use crate::rules::quiet_until;
use crate::rules::trouble::is_lost_grant;
use crate::store::deliveries::{self, MailRow};
use crate::store::notifications::{self, MailItem};
use crate::store::{digests, preferences};

/// A mail that asks for a confirmation.
pub const CONFIRM: &str = "address.confirm";

/// What becomes of a mail that is due.
pub enum Plan {
    Write(Box<Written>),
    /// It is night for its user now.
    Later(Timestamp),
    /// It is not sent; with the reason.
    Nothing(&'static str),
}

/// A mail as far as it is known without asking anybody else.
pub struct Written {
    pub to: String,
    pub page: Page,
    /// The account that it says how to connect again.
    pub reconnect: Option<postrider_domain::ConnectorId>,
}

impl MailIdentity {
    /// Where a link of ours leads.
    pub fn link(&self, path: &str, tenant: &TenantId, user: &UserId, deed: Deed) -> Option<String> {
        let token = MailToken { tenant: tenant.clone(), user: user.clone(), deed }.sign(self.keys.first()?);
        Some(format!("{}/api/notifications/{path}/{}", self.public.origin(), token.expose()))
    }
}

impl Postman {
    pub(super) async fn plan(&self, tx: &TenantTx, tenant: &TenantId, mail: &MailRow) -> Result<Plan, Error> {
        if mail.kind == CONFIRM {
            return Ok(self.confirmation(tenant, mail));
        }
        if let Some(digest) = mail.digest {
            return self.digest(tx, tenant, mail, digest).await;
        }
        self.notice(tx, tenant, mail).await
    }

    fn confirmation(&self, tenant: &TenantId, mail: &MailRow) -> Plan {
        let Some(to) = mail.address.clone() else { return Plan::Nothing("no_address") };
        let until = mail.created_at + chrono::TimeDelta::days(1);
        // It could not be sent for a day: nobody is sent a link that is dead.
        if until <= self.seams.clock.now() {
            return Plan::Nothing("expired");
        }
        let deed = Deed::Confirm { address: to.clone(), until };
        let Some(url) = self.identity.link("addresses", tenant, &mail.user_id, deed) else {
            return Plan::Nothing("no_key");
        };
        Plan::Write(Box::new(Written { to, page: page::confirm(mail.user_id.as_str(), url), reconnect: None }))
    }

    async fn digest(&self, tx: &TenantTx, tenant: &TenantId, mail: &MailRow, id: uuid::Uuid) -> Result<Plan, Error> {
        let Some(digest) = digests::find(tx, tenant, id).await? else { return Ok(Plan::Nothing("content_gone")) };
        let values = preferences::effective(tx, tenant, &mail.user_id, mail.account_id).await?.preferences;
        if mail.kind == BY_SCHEDULE && Schedule::of(&values).is_none() {
            return Ok(Plan::Nothing("channel_off"));
        }
        let (items, count) = notifications::of_digest(tx, tenant, id, NAMED).await?;
        if items.is_empty() {
            return Ok(Plan::Nothing("content_gone"));
        }
        let Some(to) = addressee(tx, tenant, &mail.user_id, mail.account_id, &values).await? else {
            return Ok(Plan::Nothing("no_address"));
        };
        let told = told(tx, tenant, &mail.user_id, &items).await?;
        let span = (digest.period_start, digest.period_end);
        let deed = Deed::Unsubscribe { list: List::Digests { account: mail.account_id } };
        let unsubscribe = self.identity.link("unsubscribe", tenant, &mail.user_id, deed);
        let page = Page { unsubscribe, ..page::digest(digest.frequency, span, &told, count, &digest.time_zone) };
        Ok(Plan::Write(Box::new(Written { to, page, reconnect: None })))
    }

    async fn notice(&self, tx: &TenantTx, tenant: &TenantId, mail: &MailRow) -> Result<Plan, Error> {
        let Some(newest) = mail.notification else { return Ok(Plan::Nothing("content_gone")) };
        let alone = mail.event_id == newest.0;
        let (ids, count) = match alone {
            true => (vec![newest], 1),
            false => deliveries::unread_of_mail(tx, tenant, mail.id, NAMED).await?,
        };
        let Wanted { rows, left_out } = match wanted(tx, tenant, Way::Email, &ids).await? {
            Ok(wanted) => wanted,
            Err(why) => return Ok(Plan::Nothing(why)),
        };
        let Some((row, values)) = rows.first() else { return Ok(Plan::Nothing("read_already")) };
        if let Some(until) = quiet_until(values, self.seams.clock.now()).filter(|_| !is_lost_grant(row.kind, &row.data))
        {
            return Ok(Plan::Later(until));
        }
        let Some(to) = addressee(tx, tenant, &row.user_id, row.account_id, values).await? else {
            return Ok(Plan::Nothing("no_address"));
        };
        let ids: Vec<NotificationId> = rows.iter().map(|(row, _)| row.id).collect();
        let items = notifications::for_mail(tx, tenant, &ids).await?;
        let told = told(tx, tenant, &row.user_id, &items).await?;
        let (count, zone) = (usize::try_from(count - left_out).unwrap_or(0), values.quiet_hours_timezone.as_str());
        let page = match told.as_slice() {
            [one] if alone || count == 1 => page::notice(one, zone),
            several => page::waited(several, count, zone),
        };
        let reconnect = row.account_id.filter(|_| alone && is_lost_grant(row.kind, &row.data));
        // Nobody may miss that an account stands still: these mails cannot be unsubscribed from.
        let unsubscribe = match reconnect {
            Some(_) => None,
            None => self.identity.link("unsubscribe", tenant, &row.user_id, Deed::Unsubscribe { list: List::Alerts }),
        };
        Ok(Plan::Write(Box::new(Written { to, page: Page { unsubscribe, ..page }, reconnect })))
    }
}

/// What of these is told: the content of each as far as its own account lets it out.
async fn told<'a>(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    items: &'a [MailItem],
) -> Result<Vec<Told<'a>>, Error> {
    let (mut known, mut told) = (HashMap::new(), Vec::new());
    for item in items {
        let content = match known.get(&item.account_id) {
            Some(content) => *content,
            None => {
                let values = preferences::effective(tx, tenant, user, item.account_id).await?.preferences;
                known.insert(item.account_id, values.include_content);
                values.include_content
            }
        };
        told.push(item.told(content));
    }
    Ok(told)
}
