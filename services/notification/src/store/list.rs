//! `notifications`: pages and counts.

use postrider_domain::{ConnectorId, TenantId, UserId};
use postrider_storage::types::{BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};

use super::notifications::{Notification, notification_columns};
use crate::rules::Kind;

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
    tx: &Tx,
    tenant: &TenantId,
    user: &UserId,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<Notification>, Error> {
    sql(concat!("SELECT ", notification_columns!(), chosen!(), "ORDER BY created_nseq DESC OFFSET $7 LIMIT $8"))
        .bind_as::<Text, _>(tenant.as_str())
        .bind_as::<Text, _>(user.as_str())
        .bind_as::<Bool, _>(filter.archived)
        .bind_as::<Bool, _>(filter.unread_only)
        .bind_as::<Nullable<Text>, _>(filter.kind.map(Kind::as_str))
        .bind_as::<Nullable<SqlUuid>, _>(filter.account.map(|id| id.0))
        .bind_as::<BigInt, _>(offset)
        .bind_as::<BigInt, _>(limit)
        .load::<Notification>(tx)
        .await
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// How many there are in all pages.
pub async fn count(tx: &Tx, tenant: &TenantId, user: &UserId, filter: &Filter) -> Result<i64, Error> {
    let row = sql(concat!("SELECT count(*) AS total", chosen!()))
        .bind_as::<Text, _>(tenant.as_str())
        .bind_as::<Text, _>(user.as_str())
        .bind_as::<Bool, _>(filter.archived)
        .bind_as::<Bool, _>(filter.unread_only)
        .bind_as::<Nullable<Text>, _>(filter.kind.map(Kind::as_str))
        .bind_as::<Nullable<SqlUuid>, _>(filter.account.map(|id| id.0))
        .get_result::<Count>(tx)
        .await?;
    Ok(row.total)
}

/// Counts of one kind.
#[derive(Debug, Clone, QueryableByName)]
pub struct KindCount {
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = BigInt)]
    pub total: i64,
    #[diesel(sql_type = BigInt)]
    pub unread: i64,
    #[diesel(sql_type = BigInt)]
    pub archived: i64,
}

/// Counts by kind; unread ones are those not archived.
pub async fn stats(
    tx: &Tx,
    tenant: &TenantId,
    user: &UserId,
    account: Option<ConnectorId>,
) -> Result<Vec<KindCount>, Error> {
    sql("SELECT type AS kind, count(*) AS total, count(*) FILTER (WHERE NOT is_read AND NOT is_archived) AS unread, \
                count(*) FILTER (WHERE is_archived) AS archived \
         FROM notifications WHERE tenant = $1 AND user_id = $2 AND ($3::uuid IS NULL OR account_id = $3) \
         GROUP BY type ORDER BY type")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<Text, _>(user.as_str())
    .bind_as::<Nullable<SqlUuid>, _>(account.map(|id| id.0))
    .load::<KindCount>(tx)
    .await
}
