//! What happens to held alerts when quiet hours end, or when their user changes the hours: everything is decided again.

use std::collections::BTreeMap;

use postrider_contracts::notification::NotificationUpdated;
use postrider_domain::{ConnectorId, NotificationId, Timestamp};
use postrider_storage::{Error, TenantTx};
use serde_json::json;
use uuid::Uuid;

use super::{Actions, Owner, Told};
use crate::deliveries::{self, Pushed};
use crate::rules::preferences::Way;
use crate::rules::trigger::widened;
use crate::rules::{Channel, Decision, Outcome, Preferences, Room, decision, quiet_until};
use crate::store::deliveries::night::Waiting;
use crate::store::log::{self, Entry};
use crate::store::notifications::{self, Held};
use crate::store::users::Head;
use crate::store::{preferences, push_subscriptions, quiet_ends, users};

/// Most that one transaction decides.
const SLICE: i64 = 1_000;
/// Most ids that one event names: the newest.
const NAMED: usize = 100;

impl Actions {
    /// Decides again about everything of a user that is held: what may go now is told as one event, the rest waits on.
    pub async fn release(&self, tx: &mut TenantTx, owner: Owner<'_>) -> Result<(), Error> {
        let Owner { tenant, user, .. } = owner;
        let now = self.now();
        let Some(head) = users::lock_known(tx, tenant, user).await? else { return Ok(()) };
        let held = notifications::held(tx, tenant, user, SLICE).await?;
        let full = i64::try_from(held.len()).unwrap_or(SLICE) == SLICE;
        let mut accounts: BTreeMap<(Option<ConnectorId>, &[String]), Vec<NotificationId>> = BTreeMap::new();
        for Held { id, account_id, also, .. } in &held {
            accounts.entry((*account_id, also)).or_default().push(*id);
        }
        let browsers = push_subscriptions::ids(tx, tenant, user).await?;
        let (mut next, mut told, mut pushed, mut mailed) = (full.then_some(now), Vec::new(), Vec::new(), Vec::new());
        for ((account, also), ids) in accounts {
            let effective = widened(preferences::effective(tx, tenant, user, account).await?.preferences, also);
            if let Some(until) = quiet_until(&effective, now) {
                notifications::hold(tx, tenant, &ids, until).await?;
                next = Some(next.map_or(until, |next| next.min(until)));
                continue;
            }
            let (live, push) = (effective.has(Way::InApp), effective.has(Way::Push));
            let pushes = match (push, browsers.is_empty()) {
                (true, false) => after_quiet(now, &effective, Channel::Push, Ok(Outcome::Queued)),
                (true, true) => after_quiet(now, &effective, Channel::Push, Err("no_subscription")),
                (false, _) => after_quiet(now, &effective, Channel::Push, Err("channel_off")),
            };
            let mail = effective.has(Way::Email) && self.mails;
            let mails = match (mail, self.mails) {
                (true, _) => Ok(Outcome::Queued),
                (false, true) => Err("channel_off"),
                (false, false) => Err("channel_not_available"),
            };
            let mails = after_quiet(now, &effective, Channel::Email, mails);
            let lives = if live { Ok(Outcome::Done) } else { Err("channel_off") };
            let released = json!([after_quiet(now, &effective, Channel::Live, lives), pushes, mails]);
            notifications::release(tx, tenant, &ids, released).await?;
            if live {
                told.extend(&ids);
            }
            if push {
                pushed.extend(&ids);
            }
            if mail {
                mailed.extend(&ids);
            }
        }
        quiet_ends::next(tx, tenant, user, next).await?;
        self.push_released(tx, owner, &browsers, &held, &pushed).await?;
        self.mail_released(tx, owner, &held, &mailed).await?;
        self.tell_released(tx, owner, &head, &held, &told).await
    }

    /// One mail, however much was held. What is about a mail of ours is told by none.
    async fn mail_released(
        &self,
        tx: &TenantTx,
        owner: Owner<'_>,
        held: &[Held],
        mailed: &[NotificationId],
    ) -> Result<(), Error> {
        let waiting = self.waiting(tx, owner, Channel::Email).await?;
        let held: Vec<_> = held.iter().filter(|one| mailed.contains(&one.id) && one.in_digests).map(told).collect();
        let waiting: Vec<&Waiting> = waiting.iter().collect();
        let Some(one) = self.together(tx, owner, &waiting, &held).await? else { return Ok(()) };
        let (event_id, kind) = self.event_of(&one.notifications);
        self.mail(tx, owner, event_id, (kind, one.account), (&one.notifications, self.now())).await
    }

    /// One message to each browser, however much was held.
    async fn push_released(
        &self,
        tx: &TenantTx,
        owner: Owner<'_>,
        browsers: &[Uuid],
        held: &[Held],
        pushed: &[NotificationId],
    ) -> Result<(), Error> {
        let waiting = self.waiting(tx, owner, Channel::Push).await?;
        let held: Vec<_> = held.iter().filter(|one| pushed.contains(&one.id)).map(told).collect();
        let waits = |browser: &Uuid| waiting.iter().any(|one| one.browser == Some(*browser));
        let (late, others): (Vec<Uuid>, Vec<Uuid>) = browsers.iter().copied().partition(waits);
        if !others.is_empty() {
            self.push_together(tx, owner, &others, &[], &held).await?;
        }
        for browser in late {
            let own: Vec<&Waiting> = waiting.iter().filter(|one| one.browser == Some(browser)).collect();
            self.push_together(tx, owner, &[browser], &own, &held).await?;
        }
        Ok(())
    }

    async fn push_together(
        &self,
        tx: &TenantTx,
        owner: Owner<'_>,
        browsers: &[Uuid],
        waiting: &[&Waiting],
        held: &[(NotificationId, Option<ConnectorId>)],
    ) -> Result<(), Error> {
        let (Owner { tenant, user, .. }, now) = (owner, self.now());
        let Some(one) = self.together(tx, owner, waiting, held).await? else { return Ok(()) };
        let (event_id, kind) = self.event_of(&one.notifications);
        let (account, notifications) = (one.account, one.notifications.as_slice());
        let pushed = Pushed { tenant, user, event_id, kind, account, notifications, now, due: now };
        deliveries::push(tx, self.seams.ids.as_ref(), &self.bell, browsers, pushed).await
    }

    /// What a message of these is known by, and its kind.
    fn event_of(&self, notifications: &[NotificationId]) -> (Uuid, &'static str) {
        match notifications {
            [alone] => (alone.0, "notification.created"),
            _ => (self.seams.ids.uuid(), "notification.quiet_hours_ended"),
        }
    }

    /// One alert: its own event if one notification was held, else one that names them.
    async fn tell_released(
        &self,
        tx: &mut TenantTx,
        owner: Owner<'_>,
        head: &Head,
        held: &[Held],
        told: &[NotificationId],
    ) -> Result<(), Error> {
        let (Owner { tenant, user, .. }, now) = (owner, self.now());
        let among: Vec<&Held> = held.iter().filter(|one| told.contains(&one.id)).collect();
        let Some(newest) = among.last() else { return Ok(()) };
        let alone = if among.len() == 1 { log::created(tx, tenant, user, newest.id).await? } else { None };
        let account_id = newest.account_id.filter(|_| among.iter().all(|one| one.account_id == newest.account_id));
        let nseq = head.nseq + 1;
        let entry = match alone {
            Some(own) => Entry { nseq, unread: head.unread, silent: false, ..own },
            None => {
                let ids: Vec<_> = among.iter().rev().take(NAMED).map(|one| one.id).collect();
                let mut payload = json!({ "count": among.len(), "notificationIds": ids });
                let seq = among.iter().filter_map(|one| one.feed_seq).max().filter(|_| account_id.is_some());
                if let (Some(seq), Some(members)) = (seq, payload.as_object_mut()) {
                    members.insert("seq".to_owned(), json!(seq));
                }
                Entry {
                    nseq,
                    room: Room::Notifications,
                    event: "notification:quiet_hours_ended".to_owned(),
                    payload,
                    account_id,
                    unread: head.unread,
                    silent: false,
                }
            }
        };
        log::append_released(tx, tenant, user, newest.id, &entry, now).await?;
        users::advance(tx, tenant, user, nseq, head.unread, now).await?;
        let told = Told::<NotificationUpdated> { epoch: head.epoch, now, entries: vec![entry], events: Vec::new() };
        self.tell(tx, owner, told).await
    }
}

fn told(held: &Held) -> (NotificationId, Option<ConnectorId>) {
    (held.id, held.account_id)
}

fn after_quiet(
    now: Timestamp,
    preferences: &Preferences,
    channel: Channel,
    goes: Result<Outcome, &'static str>,
) -> Decision {
    let (outcome, reason) = goes.map_or_else(|why| (Outcome::Skipped, why), |outcome| (outcome, "quiet_hours_ended"));
    decision::made(now, preferences, channel, outcome, reason)
}
