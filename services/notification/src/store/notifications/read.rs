//! Reading notifications: one, a page, counts.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, Value, sql};
use uuid::Uuid;

use crate::rules::Kind;

postrider_storage::row! {
    /// A row as the API shows it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Notification {
        pub id: NotificationId,
        pub user_id: UserId,
        pub account_id: Option<ConnectorId>,
        pub kind: Kind,
        pub title: String,
        pub message: String,
        pub sender_email: Option<String>,
        pub sender_name: Option<String>,
        pub data: serde_json::Value,
        pub email_id: Option<Uuid>,
        pub message_id: Option<String>,
        pub is_read: bool,
        pub read_at: Option<Timestamp>,
        pub is_archived: bool,
        pub archived_at: Option<Timestamp>,
        pub nseq: i64,
        pub feed_seq: Option<i64>,
        /// Channels it goes out by whatever its user has chosen.
        pub also: Vec<String>,
        pub expires_at: Timestamp,
        pub decision: serde_json::Value,
        pub created_at: Timestamp,
    }

    /// Counts of one kind.
    #[derive(Debug, Clone)]
    pub struct KindCount {
        pub kind: Kind,
        pub total: i64,
        pub unread: i64,
        pub archived: i64,
    }
}

/// Columns of [`Notification`].
macro_rules! columns {
    () => {
        "id, user_id, account_id, type AS kind, title, message, sender_email, sender_name, data, email_id, message_id, \
         is_read, read_at, is_archived, archived_at, nseq, feed_seq, also, expires_at, decision, created_at"
    };
}

/// One of the user's notifications, or nothing.
pub async fn find(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    id: NotificationId,
) -> Result<Option<Notification>, Error> {
    sql(concat!("SELECT ", columns!(), " FROM notifications WHERE tenant = $1 AND id = $2 AND user_id = $3"))
        .binds((tenant, id, user))
        .optional(tx)
        .await
}

/// A user's custom one by its business key.
pub async fn custom_by_key(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    key: &str,
) -> Result<Option<Notification>, Error> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM notifications WHERE tenant = $1 AND user_id = $2 AND type = $3 AND business_key = $4"
    ))
    .binds((tenant, user, Kind::Custom, key))
    .optional(tx)
    .await
}

/// One of whoever's in the tenant, or nothing.
pub async fn of_tenant(tx: &TenantTx, tenant: &TenantId, id: NotificationId) -> Result<Option<Notification>, Error> {
    sql(concat!("SELECT ", columns!(), " FROM notifications WHERE tenant = $1 AND id = $2"))
        .binds((tenant, id))
        .optional(tx)
        .await
}

/// Which of a user's notifications.
#[derive(Debug, Clone)]
pub struct Filter {
    /// True: only archived ones; false: only the others.
    pub archived: bool,
    pub unread_only: bool,
    pub kind: Option<Kind>,
    pub account: Option<ConnectorId>,
}

/// The condition of page and count; binds $1 tenant, $2 user, $3 archived, $4 unread only, $5 type, $6 account.
macro_rules! chosen {
    () => {
        " FROM notifications WHERE tenant = $1 AND user_id = $2 AND is_archived = $3 AND (NOT $4 OR NOT is_read) \
          AND ($5::text IS NULL OR type = $5) AND ($6::uuid IS NULL OR account_id = $6) "
    };
}

/// A page, newest first.
pub async fn page(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<Notification>, Error> {
    sql(concat!("SELECT ", columns!(), chosen!(), "ORDER BY created_nseq DESC OFFSET $7 LIMIT $8"))
        .binds((tenant, user, filter.archived, filter.unread_only, filter.kind, filter.account, offset, limit))
        .load(tx)
        .await
}

/// How many there are in all pages.
pub async fn count(tx: &TenantTx, tenant: &TenantId, user: &UserId, filter: &Filter) -> Result<i64, Error> {
    let Value(total) = sql(concat!("SELECT count(*) AS value", chosen!()))
        .binds((tenant, user, filter.archived, filter.unread_only, filter.kind, filter.account))
        .get_result(tx)
        .await?;
    Ok(total)
}

/// Counts by kind; unread ones are those not archived.
pub async fn stats(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: Option<ConnectorId>,
) -> Result<Vec<KindCount>, Error> {
    sql("SELECT type AS kind, count(*) AS total, count(*) FILTER (WHERE NOT is_read AND NOT is_archived) AS unread, \
                count(*) FILTER (WHERE is_archived) AS archived \
         FROM notifications WHERE tenant = $1 AND user_id = $2 AND ($3::uuid IS NULL OR account_id = $3) \
         GROUP BY type ORDER BY type")
    .binds((tenant, user, account))
    .load(tx)
    .await
}

/// What a user was told of a new mail, by triggers too, as far as it stands in the list.
pub async fn told_of_mail(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: ConnectorId,
    message_id: &str,
) -> Result<Vec<NotificationId>, Error> {
    let found = sql("SELECT id AS value FROM notifications WHERE tenant = $1 AND user_id = $2 AND account_id = $3 \
             AND message_id = $4 AND type IN ($5, $6) AND NOT is_archived")
    .binds((tenant, user, account, message_id, Kind::NewMessage, Kind::Custom))
    .load::<Value<NotificationId>>(tx)
    .await?;
    Ok(found.into_iter().map(|Value(id)| id).collect())
}
