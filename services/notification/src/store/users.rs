//! `users`: the row under whose lock everything a client must see gets its number.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Value, sql};
use uuid::Uuid;

use crate::rules::Room;

postrider_storage::row! {
    /// Where a user's sequence stands.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Head {
        pub epoch: Uuid,
        /// Last number given out.
        pub nseq: i64,
        /// Log rows up to here are gone.
        pub log_floor: i64,
        /// Unread and not archived.
        pub unread: i64,
        pub watermark_notifications: i64,
        pub watermark_sync: i64,
    }
}

/// Reads [`Head`].
macro_rules! head {
    () => {
        "SELECT epoch, nseq, log_floor, unread, watermark_notifications, watermark_sync \
         FROM users WHERE tenant = $1 AND user_id = $2"
    };
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
pub async fn find(tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<Option<Head>, Error> {
    sql(head!()).binds((tenant, user)).optional(tx).await
}

/// Locks the row of a user who was told something before; nothing for another.
pub async fn lock_known(tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<Option<Head>, Error> {
    sql(concat!(head!(), " FOR UPDATE")).binds((tenant, user)).optional(tx).await
}

/// Locks the row until the transaction ends; makes it (with `epoch`) for a new user.
pub async fn lock(tx: &TenantTx, tenant: &TenantId, user: &UserId, epoch: Uuid, now: Timestamp) -> Result<Head, Error> {
    if let Some(head) = lock_known(tx, tenant, user).await? {
        return Ok(head);
    }
    make(tx, tenant, user, epoch, now).await?;
    lock_known(tx, tenant, user).await?.ok_or(Error::NotFound)
}

/// The row, made (with `epoch`) for a new user; not locked.
pub async fn find_or_make(
    tx: &TenantTx,
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

async fn make(tx: &TenantTx, tenant: &TenantId, user: &UserId, epoch: Uuid, now: Timestamp) -> Result<(), Error> {
    sql("INSERT INTO users (tenant, user_id, epoch, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) \
         ON CONFLICT (tenant, user_id) DO NOTHING")
    .binds((tenant, user, epoch, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes the new head under the lock.
pub async fn advance(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    nseq: i64,
    unread: i64,
    now: Timestamp,
) -> Result<(), Error> {
    sql("UPDATE users SET nseq = $3, unread = $4, updated_at = $5 WHERE tenant = $1 AND user_id = $2")
        .binds((tenant, user, nseq, unread, now))
        .execute(tx)
        .await?;
    Ok(())
}

/// Moves the watermarks forward; they never move back and never beyond the head.
pub async fn confirm(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    notifications: i64,
    sync: i64,
) -> Result<(), Error> {
    sql("UPDATE users SET watermark_notifications = greatest(watermark_notifications, least($3, nseq)), \
                          watermark_sync = greatest(watermark_sync, least($4, nseq)) \
         WHERE tenant = $1 AND user_id = $2 AND (watermark_notifications < $3 OR watermark_sync < $4)")
    .binds((tenant, user, notifications, sync))
    .execute(tx)
    .await?;
    Ok(())
}

/// Tenants after the given one, for jobs that go through all of them.
pub async fn tenants_after(tx: &SystemTx, after: &str, limit: i64) -> Result<Vec<TenantId>, Error> {
    let tenants = sql("SELECT DISTINCT tenant AS value FROM users WHERE tenant > $1 ORDER BY value LIMIT $2")
        .binds((after, limit))
        .load::<Value<TenantId>>(tx)
        .await?;
    Ok(tenants.into_iter().map(|Value(tenant)| tenant).collect())
}
