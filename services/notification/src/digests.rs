//! Digests: when they are due, and what is in each. A notification is in one at most, because the digest that takes it is
//! written on its row; it is in one at least, because each period begins where the last one ended. All of it happens under
//! the user's row lock, so that replicas, requests and mails see one order.

use chrono::TimeDelta;
use postrider_domain::{ConnectorId, IdGen, TenantId, Timestamp, UserId};
use postrider_storage::{Db, Error, TenantTx};
use serde_json::json;
use uuid::Uuid;

use crate::actions::Actions;
use crate::observe;
use crate::rules::digest::{Period, Schedule};
use crate::rules::preferences::Frequency;
use crate::rules::{Channel, Outcome, Preferences, decision};
use crate::store::deliveries::{self, NewMail};
use crate::store::digests::{self, Digest, DueDigest, Scheduled, Taken};
use crate::store::{preferences, users};

/// A digest's delivery, by what led to it.
pub const BY_SCHEDULE: &str = "digest";
/// Its user asked for it.
pub const ASKED_FOR: &str = "digest.asked";
/// All accounts without digests of their own.
const USER: &str = "";

/// Who wants digests, by scope; and the accounts that are in no other digest but their own, if they have one.
struct Wanted {
    by_scope: Vec<(String, Preferences)>,
    own: Vec<ConnectorId>,
}

impl Wanted {
    async fn of(tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<Self, Error> {
        let mut own = Vec::new();
        let mut by_scope = Vec::new();
        for (account, values, decides) in preferences::of_all_accounts(tx, tenant, user).await? {
            match account {
                Some(account) if decides => own.push(account),
                Some(_follows_the_user) => continue,
                None => {}
            }
            by_scope.push((account.map(|account| account.to_string()).unwrap_or_default(), values));
        }
        Ok(Self { by_scope, own })
    }

    fn preferences(&self, scope: &str) -> Option<&Preferences> {
        self.by_scope.iter().find(|(one, _)| one == scope).map(|(_, values)| values)
    }

    fn schedule(&self, scope: &str) -> Option<Schedule> {
        self.preferences(scope).and_then(Schedule::of)
    }
}

/// Follows a change of a user's settings. A period that is under way goes on up to the first boundary of the new settings:
/// no gap, no overlap, and no mail for the change itself. The user's row must be locked.
pub async fn reschedule(
    tx: &TenantTx,
    ids: &dyn IdGen,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<(), Error> {
    let wanted = Wanted::of(tx, tenant, user).await?;
    let there = digests::schedules(tx, tenant, user).await?;
    let of_user = there.iter().find(|one| one.scope == USER);
    for (scope, values) in &wanted.by_scope {
        let Some(schedule) = Schedule::of(values) else { continue };
        let known = there.iter().find(|one| one.scope == *scope);
        let Some(due_at) = schedule.next_after(now) else { continue };
        // The next boundary still, or one that is due this moment: nothing about it has changed.
        let is_due = |due| due <= now && schedule.last_until(due) == Some(due);
        if known.is_some_and(|known| known.due_at == due_at || is_due(known.due_at)) {
            continue;
        }
        // An account that gets digests of its own takes over what would have been in its user's.
        let (since, period_start) = known.or(of_user).map_or((now, now), |one| (one.since, one.period_start));
        let (id, user_id, scope) = (ids.uuid(), user.clone(), scope.clone());
        digests::schedule(tx, tenant, &Scheduled { id, user_id, scope, since, period_start, due_at }, now).await?;
    }
    for one in there.iter().filter(|one| wanted.schedule(&one.scope).is_none()) {
        digests::unschedule(tx, tenant, one.id).await?;
    }
    Ok(())
}

/// Closes the period of a schedule that is due, and has its digest mailed if there is anything in it. Whether it did.
pub async fn close(db: &Db, actions: &Actions, due: &DueDigest) -> Result<bool, Error> {
    let DueDigest { tenant, user_id: user, .. } = due;
    let tx = db.tenant(tenant).await?;
    users::lock_known(&tx, tenant, user).await?;
    let now = actions.now();
    let there = digests::schedules(&tx, tenant, user).await?;
    let Some(one) = there.into_iter().find(|one| one.id == due.id && one.due_at <= now) else {
        tx.commit().await?;
        return Ok(false);
    };
    let wanted = Wanted::of(&tx, tenant, user).await?;
    let Some(schedule) = wanted.schedule(&one.scope) else {
        digests::unschedule(&tx, tenant, one.id).await?;
        tx.commit().await?;
        return Ok(false);
    };
    let start = begins(&tx, tenant, &one).await?;
    let closed = schedule.closed(start, now);
    if let Some(period) = closed {
        let own = wanted.own.as_slice();
        let values = wanted.preferences(&one.scope).cloned().unwrap_or_default();
        let made = Made {
            id: actions.ids().uuid(),
            scope: &one.scope,
            frequency: schedule.frequency,
            period,
            since: one.since,
            own,
            values: &values,
            by: BY_SCHEDULE,
        };
        make(&tx, actions, tenant, user, made).await?;
    }
    let period_start = closed.map_or(start, |period| period.end);
    let due_at = schedule.next_after(now).unwrap_or(now + TimeDelta::days(1));
    digests::schedule(&tx, tenant, &Scheduled { period_start, due_at, ..one }, now).await?;
    tx.commit().await?;
    Ok(closed.is_some())
}

/// Where the period of a schedule really begins. An account whose digests were switched off and on again took over its
/// user's period, of which it may have had a digest before.
async fn begins(tx: &TenantTx, tenant: &TenantId, one: &Scheduled) -> Result<Timestamp, Error> {
    if one.scope == USER {
        return Ok(one.period_start);
    }
    let last = digests::last_end(tx, tenant, &one.user_id, &one.scope).await?;
    Ok(last.map_or(one.period_start, |end| end.max(one.period_start)))
}

/// Makes a digest now, of what of the frequency's time is in none yet; nothing if there is nothing. The user's row must be
/// locked.
pub async fn ask(
    tx: &TenantTx,
    actions: &Actions,
    tenant: &TenantId,
    user: &UserId,
    (id, frequency): (Uuid, Frequency),
) -> Result<Option<Digest>, Error> {
    let now = actions.now();
    let length = match frequency {
        Frequency::None | Frequency::Daily => TimeDelta::days(1),
        Frequency::Weekly => TimeDelta::days(7),
        Frequency::Monthly => TimeDelta::days(31),
    };
    let there = digests::schedules(tx, tenant, user).await?;
    let of_user = there.into_iter().find(|one| one.scope == USER);
    let start = now - length;
    let period = Period { start, end: now };
    let values = preferences::effective(tx, tenant, user, None).await?.preferences;
    let made = Made { id, scope: USER, frequency, period, since: start, own: &[], values: &values, by: ASKED_FOR };
    let Some(digest) = make(tx, actions, tenant, user, made).await? else { return Ok(None) };
    if let Some(one) = of_user.filter(|one| one.period_start >= start) {
        digests::schedule(tx, tenant, &Scheduled { period_start: now, ..one }, now).await?;
    }
    Ok(Some(digest))
}

struct Made<'a> {
    id: Uuid,
    scope: &'a str,
    frequency: Frequency,
    period: Period,
    since: Timestamp,
    own: &'a [ConnectorId],
    values: &'a Preferences,
    by: &'static str,
}

/// Writes a digest with what it takes, and its mail. One that is empty is written down too, when its time had come.
async fn make(
    tx: &TenantTx,
    actions: &Actions,
    tenant: &TenantId,
    user: &UserId,
    made: Made<'_>,
) -> Result<Option<Digest>, Error> {
    let Made { id, scope, frequency, period, values, by, .. } = made;
    let (now, ids) = (actions.now(), actions.ids());
    let only = scope.parse().ok().map(ConnectorId);
    let but: Vec<ConnectorId> = made.own.iter().copied().filter(|own| Some(*own) != only).collect();
    let decision = json!([decision::made(now, values, Channel::Digest, Outcome::Done, "in_digest")]);
    let taken = Taken { tenant, user, only, but: &but, since: made.since, before: period.end, digest: id, decision };
    let count = digests::take(tx, taken).await?;
    if count == 0 && by == ASKED_FOR {
        return Ok(None);
    }
    let digest = Digest {
        id,
        user_id: user.clone(),
        scope: scope.to_owned(),
        frequency,
        time_zone: values.digest_timezone.as_str().to_owned(),
        period_start: period.start,
        period_end: period.end,
        notification_count: i64::try_from(count).unwrap_or(i64::MAX),
        email_sent_at: None,
        created_at: now,
    };
    if !digests::insert(tx, tenant, &digest).await? {
        return Err(Error::Other("a period has a digest already".to_owned()));
    }
    if count > 0 {
        let mail = NewMail {
            id: ids.uuid(),
            user,
            event_id: id,
            kind: by,
            account: only,
            notifications: &[],
            digest: Some(id),
            address: None,
            due: now,
            now,
        };
        deliveries::insert_mail(tx, tenant, mail).await?;
        let bell = actions.mail_bell().clone();
        tx.on_commit(move || bell.ring());
    }
    observe::digest_made(count);
    Ok(Some(digest))
}
