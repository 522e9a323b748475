//! Deliveries to browsers, and what one message stands for.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, Value, sql};
use uuid::Uuid;

/// What is to be brought to many browsers of a user.
#[derive(Debug, Clone)]
pub struct NewPush<'a> {
    pub user: &'a UserId,
    pub event_id: Uuid,
    pub kind: &'a str,
    pub account: Option<ConnectorId>,
    /// The newest of what it stands for.
    pub notification: NotificationId,
    pub due: Timestamp,
    pub now: Timestamp,
}

/// Writes one delivery for each browser (its id, and the subscription's), once for each event; with what it stands for, if
/// that is more than one notification.
pub async fn insert_push(
    tx: &TenantTx,
    tenant: &TenantId,
    new: NewPush<'_>,
    to: &[(Uuid, Uuid)],
    covers: &[NotificationId],
) -> Result<usize, Error> {
    let written =
        sql("INSERT INTO deliveries (tenant, id, channel, user_id, push_subscription, event_id, type, account_id, \
             notification, due_at, created_at) \
         SELECT $1, t.id, 'push', $2, t.subscription, $3, $4, $5, $6, $7, $8 FROM {t: id uuid, subscription uuid} \
         ON CONFLICT DO NOTHING")
        .binds((tenant, new.user, new.event_id, new.kind, new.account, new.notification, new.due, new.now))
        .column("id", to.iter().map(|to| to.0))
        .column("subscription", to.iter().map(|to| to.1))
        .execute(tx)
        .await?;
    if covers.len() > 1 {
        let ids: Vec<Uuid> = to.iter().map(|to| to.0).collect();
        sql("INSERT INTO delivery_covers (tenant, delivery_id, notification, created_at) \
             SELECT $1, d.id, n.notification, $3 FROM deliveries d CROSS JOIN {n: notification uuid} \
             WHERE d.tenant = $1 AND d.id = ANY($2)")
        .binds((tenant, ids, new.now))
        .column("notification", covers.iter().copied())
        .execute(tx)
        .await?;
    }
    Ok(written)
}

/// How many of the notifications that a message stands for are still unread.
pub async fn covered(tx: &TenantTx, tenant: &TenantId, delivery: Uuid) -> Result<i64, Error> {
    let Value(count) = sql("SELECT count(*) AS value FROM delivery_covers c \
         JOIN notifications n ON n.tenant = c.tenant AND n.id = c.notification \
         WHERE c.tenant = $1 AND c.delivery_id = $2 AND NOT n.is_read AND NOT n.is_archived")
    .binds((tenant, delivery))
    .get_result(tx)
    .await?;
    Ok(count)
}

/// What waits about these notifications, and about nothing else, is not sent. Returns how many.
pub async fn withdraw(
    tx: &TenantTx,
    tenant: &TenantId,
    notifications: &[NotificationId],
    why: &str,
) -> Result<usize, Error> {
    sql("UPDATE deliveries d SET state = 'skipped', due_at = NULL, claimed_until = NULL, error = $3 \
         WHERE tenant = $1 AND notification = ANY($2) AND state = 'pending' AND NOT EXISTS ( \
             SELECT 1 FROM delivery_covers c WHERE c.delivery_id = d.id)")
    .binds((tenant, notifications, why))
    .execute(tx)
    .await
}
