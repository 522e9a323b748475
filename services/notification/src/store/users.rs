//! `users`: the row under whose lock everything a client must see gets its number.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use crate::rules::Room;

/// Where a user's sequence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Head {
    #[diesel(sql_type = SqlUuid)]
    pub epoch: Uuid,
    /// Last number given out.
    #[diesel(sql_type = BigInt)]
    pub nseq: i64,
    /// Log rows up to here are gone.
    #[diesel(sql_type = BigInt)]
    pub log_floor: i64,
    /// Unread and not archived.
    #[diesel(sql_type = BigInt)]
    pub unread: i64,
    #[diesel(sql_type = BigInt)]
    pub watermark_notifications: i64,
    #[diesel(sql_type = BigInt)]
    pub watermark_sync: i64,
}

impl Head {
    /// Up to where a room certainly arrived.
    pub fn watermark(&self, room: Room) -> i64 {
        match room {
            Room::Notifications => self.watermark_notifications,
            Room::Sync => self.watermark_sync,
        }
    }
}

/// The row, or nothing for a user who was never told anything.
pub async fn find(tx: &Tx, tenant: &TenantId, user: &UserId) -> Result<Option<Head>, Error> {
    sql("SELECT epoch, nseq, log_floor, unread, watermark_notifications, watermark_sync \
         FROM users WHERE tenant = $1 AND user_id = $2")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<Text, _>(user.as_str())
    .optional::<Head>(tx)
    .await
}

/// Locks the row until the transaction ends; makes it (with `epoch`) for a new user.
pub async fn lock(tx: &Tx, tenant: &TenantId, user: &UserId, epoch: Uuid, now: Timestamp) -> Result<Head, Error> {
    if let Some(head) = lock_known(tx, tenant, user).await? {
        return Ok(head);
    }
    make(tx, tenant, user, epoch, now).await?;
    lock_known(tx, tenant, user).await?.ok_or(Error::NotFound)
}

/// The row, made (with `epoch`) for a new user; not locked.
pub async fn find_or_make(
    tx: &Tx,
    tenant: &TenantId,
    user: &UserId,
    epoch: Uuid,
    now: Timestamp,
) -> Result<Head, Error> {
    if let Some(head) = find(tx, tenant, user).await? {
        return Ok(head);
    }
    make(tx, tenant, user, epoch, now).await?;
    find(tx, tenant, user).await?.ok_or(Error::NotFound)
}

async fn make(tx: &Tx, tenant: &TenantId, user: &UserId, epoch: Uuid, now: Timestamp) -> Result<(), Error> {
    sql("INSERT INTO users (tenant, user_id, epoch, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) \
         ON CONFLICT (tenant, user_id) DO NOTHING")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<Text, _>(user.as_str())
    .bind_as::<SqlUuid, _>(epoch)
    .bind_as::<Timestamptz, _>(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Locks the row of a user who was told something before; nothing for another.
pub async fn lock_known(tx: &Tx, tenant: &TenantId, user: &UserId) -> Result<Option<Head>, Error> {
    sql("SELECT epoch, nseq, log_floor, unread, watermark_notifications, watermark_sync \
         FROM users WHERE tenant = $1 AND user_id = $2 FOR UPDATE")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<Text, _>(user.as_str())
    .optional::<Head>(tx)
    .await
}

/// Writes the new head under the lock.
pub async fn advance(
    tx: &Tx,
    tenant: &TenantId,
    user: &UserId,
    nseq: i64,
    unread: i64,
    now: Timestamp,
) -> Result<(), Error> {
    sql("UPDATE users SET nseq = $3, unread = $4, updated_at = $5 WHERE tenant = $1 AND user_id = $2")
        .bind_as::<Text, _>(tenant.as_str())
        .bind_as::<Text, _>(user.as_str())
        .bind_as::<BigInt, _>(nseq)
        .bind_as::<BigInt, _>(unread)
        .bind_as::<Timestamptz, _>(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Moves the watermarks forward; they never move back and never beyond the head.
pub async fn confirm(tx: &Tx, tenant: &TenantId, user: &UserId, notifications: i64, sync: i64) -> Result<(), Error> {
    sql("UPDATE users SET watermark_notifications = greatest(watermark_notifications, least($3, nseq)), \
                          watermark_sync = greatest(watermark_sync, least($4, nseq)) \
         WHERE tenant = $1 AND user_id = $2 AND (watermark_notifications < $3 OR watermark_sync < $4)")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<Text, _>(user.as_str())
    .bind_as::<BigInt, _>(notifications)
    .bind_as::<BigInt, _>(sync)
    .execute(tx)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct TenantRow {
    #[diesel(sql_type = Text)]
    tenant: String,
}

/// Tenants after the given one, for jobs that go through all of them (system role).
pub async fn tenants_after(tx: &Tx, after: &str, limit: i64) -> Result<Vec<TenantId>, Error> {
    let rows = sql("SELECT DISTINCT tenant FROM users WHERE tenant > $1 ORDER BY tenant LIMIT $2")
        .bind_as::<Text, _>(after)
        .bind_as::<BigInt, _>(limit)
        .load::<TenantRow>(tx)
        .await?;
    rows.into_iter().map(|row| TenantId::parse(row.tenant).map_err(|error| Error::Other(error.to_string()))).collect()
}
