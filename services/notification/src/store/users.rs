//! `users`: the row under whose lock everything a client must see gets its number.

use std::collections::BTreeMap;

use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Value, sql};
use uuid::Uuid;

use crate::rules::{Places, Room};

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

    /// How far a user's log is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Reached {
        pub user_id: UserId,
        pub epoch: Uuid,
        pub nseq: i64,
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

/// Locks the rows of several users, and of these accounts' owners, in one order; makes those of new users (with these
/// epochs) first. Two transactions that tell the same users of something can then not wait for each other in a circle.
pub async fn lock_all(
    tx: &TenantTx,
    tenant: &TenantId,
    users: &BTreeMap<&UserId, Uuid>,
    accounts: &[ConnectorId],
    now: Timestamp,
) -> Result<(), Error> {
    let made = sql("INSERT INTO users (tenant, user_id, epoch, created_at, updated_at) \
         SELECT $1, n.user_id, n.epoch, $2, $2 FROM {n: user_id text, epoch uuid} ORDER BY n.user_id \
         ON CONFLICT (tenant, user_id) DO NOTHING")
    .binds((tenant, now))
    .column("user_id", users.keys().map(|user| user.as_str()))
    .column("epoch", users.values().copied())
    .execute(tx);
    let names: Vec<&str> = users.keys().map(|user| user.as_str()).collect();
    let locked = sql("SELECT user_id AS value FROM users WHERE tenant = $1 AND (user_id = ANY($2) OR user_id IN ( \
             SELECT a.user_id FROM accounts a WHERE a.tenant = $1 AND a.account_id = ANY($3))) \
         ORDER BY user_id FOR UPDATE")
    .binds((tenant, names, accounts))
    .load::<Value<UserId>>(tx);
    tokio::try_join!(biased; made, locked)?;
    Ok(())
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

/// Moves watermarks forward; they never move back and never beyond the head. The users are locked in one order, as
/// everywhere.
pub async fn confirm<'a>(
    tx: &TenantTx,
    tenant: &TenantId,
    received: impl Iterator<Item = (&'a UserId, Places)> + Clone,
) -> Result<(), Error> {
    sql("WITH moved AS ( \
             SELECT u.user_id, least(c.notifications, u.nseq) AS notifications, least(c.sync, u.nseq) AS sync \
             FROM users u JOIN {c: user_id text, notifications bigint, sync bigint} ON c.user_id = u.user_id \
             WHERE u.tenant = $1 \
               AND (u.watermark_notifications < c.notifications OR u.watermark_sync < c.sync) \
             ORDER BY u.user_id FOR UPDATE OF u) \
         UPDATE users u SET watermark_notifications = greatest(u.watermark_notifications, moved.notifications), \
                            watermark_sync = greatest(u.watermark_sync, moved.sync) \
         FROM moved WHERE u.tenant = $1 AND u.user_id = moved.user_id")
    .bind(tenant)
    .column("user_id", received.clone().map(|(user, _)| user.as_str()))
    .column("notifications", received.clone().map(|(_, places)| places.notifications))
    .column("sync", received.map(|(_, places)| places.sync))
    .execute(tx)
    .await?;
    Ok(())
}

/// How far the logs of these users are, in no special order; nothing of a user who was never told anything.
pub async fn reached(tx: &TenantTx, tenant: &TenantId, users: &[&str]) -> Result<Vec<Reached>, Error> {
    sql("SELECT user_id, epoch, nseq FROM users WHERE tenant = $1 AND user_id = ANY($2)")
        .binds((tenant, users))
        .load(tx)
        .await
}

/// Tenants after the given one, for jobs that go through all of them.
pub async fn tenants_after(tx: &SystemTx, after: &str, limit: i64) -> Result<Vec<TenantId>, Error> {
    let tenants = sql("SELECT DISTINCT tenant AS value FROM users WHERE tenant > $1 ORDER BY value LIMIT $2")
        .binds((after, limit))
        .load::<Value<TenantId>>(tx)
        .await?;
    Ok(tenants.into_iter().map(|Value(tenant)| tenant).collect())
}
