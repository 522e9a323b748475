//! `deliveries`: what goes out and is tried again until it is taken.

mod mail;
pub mod night;
mod push;

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::due::CLAIM_SECONDS;
use postrider_storage::{Error, SystemTx, TenantTx, sql};
use uuid::Uuid;

use crate::rules::Channel;
use crate::rules::webhook::DeliveryState;

pub use mail::{
    MailRow, NewMail, claim_mails, end_mail, find_mail, hand_over, insert_mail, put_off_mail, unread_of_mail,
};
pub use push::{NewPush, covered, insert_push, withdraw};

postrider_storage::row! {
    /// One that is due, claimed.
    #[derive(Debug, Clone)]
    pub struct Due {
        pub tenant: TenantId,
        pub id: Uuid,
    }

    /// A delivery.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Delivery {
        pub id: Uuid,
        pub channel: Channel,
        pub user_id: Option<UserId>,
        /// Of a webhook.
        pub endpoint_id: Option<Uuid>,
        /// Of a push.
        pub push_subscription: Option<Uuid>,
        pub event_id: Uuid,
        pub kind: String,
        pub account_id: Option<ConnectorId>,
        pub seq: Option<i64>,
        pub notification: Option<NotificationId>,
        pub state: DeliveryState,
        pub attempts: i32,
        pub due_at: Option<Timestamp>,
        pub status_code: Option<i32>,
        pub error: Option<String>,
        pub attempted_at: Option<Timestamp>,
        pub delivered_at: Option<Timestamp>,
        pub created_at: Timestamp,
    }

    /// How far a notification's deliveries by a channel are.
    #[derive(Debug, Clone)]
    pub struct Reached {
        pub notification: NotificationId,
        pub channel: Channel,
        pub delivered: i64,
        pub failed: i64,
        pub pending: i64,
    }
}

macro_rules! columns {
    () => {
        "id, channel, user_id, endpoint_id, push_subscription, event_id, type AS kind, account_id, seq, notification, state, attempts, due_at, status_code, \
         error, attempted_at, delivered_at, created_at"
    };
}

/// What is to be delivered, to many endpoints.
#[derive(Debug, Clone)]
pub struct New<'a> {
    pub event_id: Uuid,
    pub kind: &'a str,
    pub account: Option<ConnectorId>,
    pub seq: Option<i64>,
    pub notification: Option<NotificationId>,
    pub now: Timestamp,
}

/// A row's id, its endpoint, and when it is due (never while the endpoint is disabled).
pub type To = (Uuid, Uuid, Option<Timestamp>);

/// Writes one delivery for each endpoint, once for each event.
pub async fn insert(tx: &TenantTx, tenant: &TenantId, new: New<'_>, to: &[To]) -> Result<usize, Error> {
    sql("INSERT INTO deliveries (tenant, id, endpoint_id, event_id, type, account_id, seq, notification, due_at, \
             created_at) \
         SELECT $1, t.id, t.endpoint_id, $2, $3, $4, $5, $6, t.due_at, $7 \
         FROM {t: id uuid, endpoint_id uuid, due_at timestamptz} \
         ON CONFLICT ON CONSTRAINT deliveries_once DO NOTHING")
    .binds((tenant, new.event_id, new.kind, new.account, new.seq, new.notification, new.now))
    .column("id", to.iter().map(|to| to.0))
    .column("endpoint_id", to.iter().map(|to| to.1))
    .column("due_at", to.iter().map(|to| to.2))
    .execute(tx)
    .await
}

/// Writes deliveries of an account's feed from a number on, and makes those that were done due again. Returns how many.
pub async fn replay(
    tx: &TenantTx,
    tenant: &TenantId,
    endpoint: Uuid,
    events: &[(Uuid, Replayed)],
    due: Option<Timestamp>,
    now: Timestamp,
) -> Result<usize, Error> {
    sql("INSERT INTO deliveries AS d (tenant, id, endpoint_id, event_id, type, account_id, seq, due_at, created_at) \
         SELECT $1, e.id, $2, e.event_id, e.type, e.account_id, e.seq, $3, $4 \
         FROM {e: id uuid, event_id uuid, type text, account_id uuid, seq bigint} \
         ON CONFLICT ON CONSTRAINT deliveries_once DO UPDATE \
             SET state = 'pending', attempts = 0, due_at = excluded.due_at, claimed_until = NULL, error = NULL")
    .binds((tenant, endpoint, due, now))
    .column("id", events.iter().map(|event| event.0))
    .column("event_id", events.iter().map(|event| event.1.event_id))
    .column("type", events.iter().map(|event| event.1.kind.as_str()))
    .column("account_id", events.iter().map(|event| event.1.account))
    .column("seq", events.iter().map(|event| event.1.seq))
    .execute(tx)
    .await
}

/// An entry of the feed that is sent again.
#[derive(Debug, Clone)]
pub struct Replayed {
    pub event_id: Uuid,
    pub kind: String,
    pub account: ConnectorId,
    pub seq: i64,
}

/// Claims what is due, but for mails: those have workers of their own, and a claim of somebody else keeps them off.
pub async fn claim(tx: &SystemTx, now: Timestamp, limit: i64) -> Result<Vec<Due>, Error> {
    sql("UPDATE deliveries SET claimed_until = clock_timestamp() + make_interval(secs => $3) WHERE id IN ( \
             SELECT id FROM deliveries WHERE channel <> 'email' AND due_at <= $1 \
                 AND (claimed_until IS NULL OR claimed_until < clock_timestamp()) \
             ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
         RETURNING tenant, id")
    .binds((now, limit, CLAIM_SECONDS))
    .load(tx)
    .await
}

/// One of a tenant's.
pub async fn find(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<Option<Delivery>, Error> {
    sql(concat!("SELECT ", columns!(), " FROM deliveries WHERE tenant = $1 AND id = $2"))
        .binds((tenant, id))
        .optional(tx)
        .await
}

/// An endpoint's, newest first, before a place.
pub async fn page(
    tx: &TenantTx,
    tenant: &TenantId,
    endpoint: Uuid,
    state: Option<DeliveryState>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Delivery>, Error> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM deliveries WHERE tenant = $1 AND endpoint_id = $2 AND ($3::text IS NULL OR state = $3) \
          AND ($4::uuid IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
    ))
    .binds((tenant, endpoint, state, before, limit))
    .load(tx)
    .await
}

/// What an attempt came to.
#[derive(Debug, Clone)]
pub struct Ended<'a> {
    pub state: DeliveryState,
    pub due: Option<Timestamp>,
    pub status_code: Option<i32>,
    pub error: Option<&'a str>,
    pub now: Timestamp,
}

/// Writes what an attempt came to, and gives the claim back. A row that was replayed or removed meanwhile stays as it is.
pub async fn end_attempt(
    tx: &TenantTx,
    tenant: &TenantId,
    id: Uuid,
    attempts: i32,
    ended: Ended<'_>,
) -> Result<(), Error> {
    sql("UPDATE deliveries SET state = $4, due_at = $5, status_code = $6, error = $7, attempted_at = $8, \
             delivered_at = CASE WHEN $4 = 'delivered' THEN $8::timestamptz END, attempts = attempts + 1, claimed_until = NULL \
         WHERE tenant = $1 AND id = $2 AND attempts = $3 AND state = 'pending'")
    .binds((tenant, id, attempts, ended.state, ended.due, ended.status_code, ended.error, ended.now))
    .execute(tx)
    .await?;
    Ok(())
}

/// Puts off one that is claimed, without having tried it.
pub async fn postpone(tx: &TenantTx, tenant: &TenantId, id: Uuid, until: Timestamp) -> Result<(), Error> {
    sql("UPDATE deliveries SET due_at = $3, claimed_until = NULL \
         WHERE tenant = $1 AND id = $2 AND state = 'pending'")
    .binds((tenant, id, until))
    .execute(tx)
    .await?;
    Ok(())
}

/// Puts off what else of an endpoint is due before an instant: it has enough to do.
pub async fn put_off(tx: &TenantTx, tenant: &TenantId, endpoint: Uuid, until: Timestamp) -> Result<(), Error> {
    sql("UPDATE deliveries SET due_at = $3 WHERE tenant = $1 AND endpoint_id = $2 AND due_at < $3 \
             AND claimed_until IS NULL")
    .binds((tenant, endpoint, until))
    .execute(tx)
    .await?;
    Ok(())
}

/// What waits of an endpoint is kept and not tried.
pub async fn keep(tx: &TenantTx, tenant: &TenantId, endpoint: Uuid) -> Result<(), Error> {
    sql("UPDATE deliveries SET due_at = NULL WHERE tenant = $1 AND endpoint_id = $2 AND due_at IS NOT NULL")
        .binds((tenant, endpoint))
        .execute(tx)
        .await?;
    Ok(())
}

/// What waits of an endpoint is due now, with all its attempts before it.
pub async fn resume(tx: &TenantTx, tenant: &TenantId, endpoint: Uuid, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE deliveries SET due_at = $3, attempts = 0, claimed_until = NULL \
         WHERE tenant = $1 AND endpoint_id = $2 AND state = 'pending'")
    .binds((tenant, endpoint, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// Sends one again from the start.
pub async fn again(tx: &TenantTx, tenant: &TenantId, id: Uuid, due: Option<Timestamp>) -> Result<(), Error> {
    sql("UPDATE deliveries SET state = 'pending', attempts = 0, due_at = $3, claimed_until = NULL, error = NULL \
         WHERE tenant = $1 AND id = $2")
    .binds((tenant, id, due))
    .execute(tx)
    .await?;
    Ok(())
}

/// How far the deliveries of these notifications are, by channel; nothing of one that has none. One message may stand for
/// several of them.
pub async fn reached(tx: &TenantTx, tenant: &TenantId, ids: &[NotificationId]) -> Result<Vec<Reached>, Error> {
    sql("SELECT t.notification, d.channel, count(*) FILTER (WHERE d.state = 'delivered') AS delivered, \
                count(*) FILTER (WHERE d.state = 'failed') AS failed, \
                count(*) FILTER (WHERE d.state = 'pending') AS pending \
         FROM ( \
             SELECT id, notification FROM deliveries WHERE tenant = $1 AND notification = ANY($2) \
             UNION \
             SELECT delivery_id, notification FROM delivery_covers WHERE tenant = $1 AND notification = ANY($2)) t \
         JOIN deliveries d ON d.tenant = $1 AND d.id = t.id GROUP BY t.notification, d.channel")
    .binds((tenant, ids))
    .load(tx)
    .await
}

/// The deliveries that tell of a notification, oldest first; one message may tell of several.
pub async fn of_notification(tx: &TenantTx, tenant: &TenantId, id: NotificationId) -> Result<Vec<Delivery>, Error> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM deliveries WHERE tenant = $1 AND id IN ( \
             SELECT id FROM deliveries WHERE tenant = $1 AND notification = $2 \
             UNION SELECT delivery_id FROM delivery_covers WHERE tenant = $1 AND notification = $2) ORDER BY id"
    ))
    .binds((tenant, id))
    .load(tx)
    .await
}

/// Forgets at most `most` of a tenant's deliveries older than the given instant. Returns how many.
pub async fn prune(tx: &TenantTx, tenant: &TenantId, before: Timestamp, most: i64) -> Result<usize, Error> {
    sql("DELETE FROM deliveries WHERE tenant = $1 AND id IN ( \
             SELECT id FROM deliveries WHERE tenant = $1 AND created_at < $2 ORDER BY created_at LIMIT $3)")
    .binds((tenant, before, most))
    .execute(tx)
    .await
}
