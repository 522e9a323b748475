//! What happens to held alerts when quiet hours end, or when their user changes the hours: everything is decided again.

use std::collections::BTreeMap;

use postrider_contracts::notification::NotificationUpdated;
use postrider_domain::{ConnectorId, NotificationId, Timestamp};
use postrider_storage::{Error, TenantTx};
use serde_json::json;

use super::{Actions, Owner, Told};
use crate::rules::preferences::Way;
use crate::rules::{Channel, Outcome, Preferences, Room, decision, quiet_until};
use crate::store::log::{self, Entry};
use crate::store::notifications::{self, Held};
use crate::store::users::Head;
use crate::store::{preferences, quiet_ends, users};

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
        let mut accounts: BTreeMap<Option<ConnectorId>, Vec<NotificationId>> = BTreeMap::new();
        for Held { id, account_id } in &held {
            accounts.entry(*account_id).or_default().push(*id);
        }
        let (mut next, mut told) = (full.then_some(now), Vec::new());
        for (account, ids) in accounts {
            let effective = preferences::effective(tx, tenant, user, account).await?.preferences;
            if let Some(until) = quiet_until(&effective, now) {
                notifications::hold(tx, tenant, &ids, until).await?;
                next = Some(next.map_or(until, |next| next.min(until)));
                continue;
            }
            let goes = effective.has(Way::InApp);
            let released = json!([after_quiet(now, &effective, goes)]);
            notifications::release(tx, tenant, &ids, released).await?;
            if goes {
                told.extend(ids);
            }
        }
        quiet_ends::next(tx, tenant, user, next).await?;
        self.tell_released(tx, owner, &head, &held, &told).await
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
                Entry {
                    nseq,
                    room: Room::Notifications,
                    event: "notification:quiet_hours_ended".to_owned(),
                    payload: json!({ "count": among.len(), "notificationIds": ids }),
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

fn after_quiet(now: Timestamp, preferences: &Preferences, goes: bool) -> crate::rules::Decision {
    let (outcome, reason) = if goes { (Outcome::Done, "quiet_hours_ended") } else { (Outcome::Skipped, "channel_off") };
    decision::made(now, preferences, Channel::Live, outcome, reason)
}
