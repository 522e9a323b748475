//! From something that happened to deliveries, in its transaction.

use postrider_domain::{ConnectorId, IdGen, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx};
use uuid::Uuid;

use super::Bell;
use crate::rules::webhook::EndpointStatus;
use crate::store::deliveries::{self, New, NewPush};
use crate::store::endpoints::{self, Wanting};

/// What happened, as endpoints choose it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub event_id: Uuid,
    pub kind: &'a str,
    pub account: Option<ConnectorId>,
    /// Its place in the feed, if it stands there.
    pub seq: Option<i64>,
    pub notification: Option<NotificationId>,
    pub now: Timestamp,
    /// When it may leave.
    pub due: Timestamp,
}

/// Writes a delivery for each endpoint that wants it. Of one that is disabled it is kept. Returns how many.
pub async fn enqueue(tx: &TenantTx, ids: &dyn IdGen, bell: &Bell, told: Told<'_>) -> Result<usize, Error> {
    let account = told.account.map(|account| account.0);
    let wanting = endpoints::wanting(tx, told.tenant, told.user, told.kind, account).await?;
    if wanting.is_empty() {
        return Ok(0);
    }
    let due = |status| (status == EndpointStatus::Enabled).then_some(told.due);
    let to: Vec<_> = wanting.iter().map(|Wanting { id, status }| (ids.uuid(), *id, due(*status))).collect();
    let new = New {
        event_id: told.event_id,
        kind: told.kind,
        account: told.account,
        seq: told.seq,
        notification: told.notification,
        now: told.now,
    };
    let written = deliveries::insert(tx, told.tenant, new, &to).await?;
    if written > 0 {
        let bell = bell.clone();
        tx.on_commit(move || bell.ring());
    }
    Ok(written)
}

/// Notifications that a user's browsers are told of by one message each.
#[derive(Debug, Clone, Copy)]
pub struct Pushed<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub event_id: Uuid,
    pub kind: &'a str,
    pub account: Option<ConnectorId>,
    /// Oldest first.
    pub notifications: &'a [NotificationId],
    pub now: Timestamp,
    pub due: Timestamp,
}

/// Writes a delivery for each browser.
pub async fn push(
    tx: &TenantTx,
    ids: &dyn IdGen,
    bell: &Bell,
    browsers: &[Uuid],
    told: Pushed<'_>,
) -> Result<(), Error> {
    let Some(newest) = told.notifications.last() else { return Ok(()) };
    let to: Vec<_> = browsers.iter().map(|browser| (ids.uuid(), *browser)).collect();
    let new = NewPush {
        user: told.user,
        event_id: told.event_id,
        kind: told.kind,
        account: told.account,
        notification: *newest,
        due: told.due,
        now: told.now,
    };
    if deliveries::insert_push(tx, told.tenant, new, &to, told.notifications).await? > 0 {
        let bell = bell.clone();
        tx.on_commit(move || bell.ring());
    }
    Ok(())
}
