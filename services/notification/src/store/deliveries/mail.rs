//! Deliveries by mail: what is due of them, what is handed over, and what came of it.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::due::CLAIM_SECONDS;
use postrider_storage::{Error, SystemTx, TenantTx, Value, sql};
use uuid::Uuid;

use super::{Due, Ended};
use crate::rules::webhook::DeliveryState;

postrider_storage::row! {
    /// A mail.
    #[derive(Debug, Clone, PartialEq)]
    pub struct MailRow {
        pub id: Uuid,
        pub user_id: UserId,
        pub event_id: Uuid,
        pub kind: String,
        pub account_id: Option<ConnectorId>,
        pub notification: Option<NotificationId>,
        pub digest: Option<Uuid>,
        pub address: Option<String>,
        pub state: DeliveryState,
        pub attempts: i32,
        pub handed_over_at: Option<Timestamp>,
        /// Whoever handed it over has had the time to say what came of it.
        pub overdue: bool,
        pub doubtful: bool,
        pub created_at: Timestamp,
    }
}

/// A mail that is to be sent.
#[derive(Debug, Clone)]
pub struct NewMail<'a> {
    pub id: Uuid,
    pub user: &'a UserId,
    pub event_id: Uuid,
    pub kind: &'a str,
    pub account: Option<ConnectorId>,
    /// What it tells of, oldest first.
    pub notifications: &'a [NotificationId],
    pub digest: Option<Uuid>,
    /// Only where it is no matter of the preferences.
    pub address: Option<&'a str>,
    pub due: Timestamp,
    pub now: Timestamp,
}

/// Writes it, once for each event; with what it stands for, if that is more than one notification.
pub async fn insert_mail(tx: &TenantTx, tenant: &TenantId, new: NewMail<'_>) -> Result<bool, Error> {
    let newest = new.notifications.last().copied();
    let written =
        sql("INSERT INTO deliveries (tenant, id, channel, user_id, event_id, type, account_id, notification, \
             digest, address, due_at, created_at) \
         VALUES ($1, $2, 'email', $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING")
        .binds((
            tenant,
            new.id,
            new.user,
            new.event_id,
            new.kind,
            new.account,
            newest,
            new.digest,
            new.address,
            new.due,
        ))
        .bind(new.now)
        .execute(tx)
        .await?;
    if written == 1 && new.notifications.len() > 1 {
        sql("INSERT INTO delivery_covers (tenant, delivery_id, notification, created_at) \
             SELECT $1, $2, n.notification, $3 FROM {n: notification uuid}")
        .binds((tenant, new.id, new.now))
        .column("notification", new.notifications.iter().copied())
        .execute(tx)
        .await?;
    }
    Ok(written == 1)
}

/// Claims mails that are due, the longest due first.
pub async fn claim_mails(tx: &SystemTx, now: Timestamp, limit: i64) -> Result<Vec<Due>, Error> {
    sql("UPDATE deliveries SET claimed_until = clock_timestamp() + make_interval(secs => $3) WHERE id IN ( \
             SELECT id FROM deliveries WHERE channel = 'email' AND due_at <= $1 \
                 AND (claimed_until IS NULL OR claimed_until < clock_timestamp()) \
             ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
         RETURNING tenant, id")
    .binds((now, limit, CLAIM_SECONDS))
    .load(tx)
    .await
}

/// One of a tenant's.
pub async fn find_mail(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<Option<MailRow>, Error> {
    sql("SELECT id, user_id, event_id, type AS kind, account_id, notification, digest, address, state, attempts, \
                handed_over_at, coalesce(handed_over_at + make_interval(secs => $3) < clock_timestamp(), false) AS overdue, \
                doubtful, created_at \
         FROM deliveries WHERE tenant = $1 AND id = $2 AND channel = 'email'")
    .binds((tenant, id, CLAIM_SECONDS))
    .optional(tx)
    .await
}

/// Notes that its content is sent from now on, and renews the claim for that long. False if another replica did so since the
/// row was read: then it is that one's. On the database's clock, as claims are.
pub async fn hand_over(tx: &TenantTx, tenant: &TenantId, mail: &MailRow, doubtful: bool) -> Result<bool, Error> {
    let touched = sql("UPDATE deliveries SET handed_over_at = clock_timestamp(), doubtful = $5, \
             claimed_until = clock_timestamp() + make_interval(secs => $6) \
         WHERE tenant = $1 AND id = $2 AND state = 'pending' AND attempts = $3 AND handed_over_at IS NOT DISTINCT FROM $4")
    .binds((tenant, mail.id, mail.attempts, mail.handed_over_at, doubtful, CLAIM_SECONDS))
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Writes what an attempt came to, and gives the claim back. A row that somebody else has ended stays as it is.
pub async fn end_mail(
    tx: &TenantTx,
    tenant: &TenantId,
    mail: &MailRow,
    doubtful: bool,
    ended: Ended<'_>,
) -> Result<bool, Error> {
    let touched = sql("UPDATE deliveries SET state = $4, due_at = $5, status_code = $6, error = $7, attempted_at = $8, \
             delivered_at = CASE WHEN $4 = 'delivered' THEN $8::timestamptz END, doubtful = $9, attempts = attempts + 1, \
             claimed_until = NULL, handed_over_at = NULL \
         WHERE tenant = $1 AND id = $2 AND attempts = $3 AND state = 'pending'")
    .binds((tenant, mail.id, mail.attempts, ended.state, ended.due, ended.status_code, ended.error, ended.now, doubtful))
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Puts one off without an attempt.
pub async fn put_off_mail(tx: &TenantTx, tenant: &TenantId, id: Uuid, until: Timestamp) -> Result<(), Error> {
    sql("UPDATE deliveries SET due_at = $3, claimed_until = NULL WHERE tenant = $1 AND id = $2 AND state = 'pending'")
        .binds((tenant, id, until))
        .execute(tx)
        .await?;
    Ok(())
}

/// What a mail stands for and is still unread, newest first; and how many that are.
pub async fn unread_of_mail(
    tx: &TenantTx,
    tenant: &TenantId,
    delivery: Uuid,
    limit: i64,
) -> Result<(Vec<NotificationId>, i64), Error> {
    let ids = sql("SELECT n.id AS value FROM delivery_covers c \
         JOIN notifications n ON n.tenant = c.tenant AND n.id = c.notification \
         WHERE c.tenant = $1 AND c.delivery_id = $2 AND NOT n.is_read AND NOT n.is_archived \
         ORDER BY n.created_nseq DESC LIMIT $3")
    .binds((tenant, delivery, limit))
    .load::<Value<NotificationId>>(tx)
    .await?;
    let count = super::covered(tx, tenant, delivery).await?;
    Ok((ids.into_iter().map(|Value(id)| id).collect(), count))
}
