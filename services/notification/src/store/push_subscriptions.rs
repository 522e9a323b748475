//! `push_subscriptions`: the browsers of a user that take pushes.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, Value, sql};
use uuid::Uuid;

postrider_storage::row! {
    /// A browser.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Subscription {
        pub id: Uuid,
        pub user_id: UserId,
        pub endpoint: String,
        pub p256dh: String,
        pub auth: String,
        /// The key of ours that it subscribed with.
        pub server_key: String,
        pub expires_at: Option<Timestamp>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "id, user_id, endpoint, p256dh, auth, server_key, expires_at, created_at, updated_at"
    };
}

/// Writes one; a browser that is there keeps its id and gets the new keys.
pub async fn put(tx: &TenantTx, tenant: &TenantId, new: &Subscription) -> Result<Subscription, Error> {
    sql(concat!(
        "INSERT INTO push_subscriptions (tenant, id, user_id, endpoint, p256dh, auth, server_key, expires_at, created_at, \
             updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) \
         ON CONFLICT ON CONSTRAINT push_subscriptions_once DO UPDATE SET p256dh = excluded.p256dh, \
             auth = excluded.auth, server_key = excluded.server_key, expires_at = excluded.expires_at, \
             updated_at = excluded.updated_at \
         RETURNING ",
        columns!()
    ))
    .binds((tenant, new.id, &new.user_id, &new.endpoint, &new.p256dh, &new.auth, &new.server_key, new.expires_at))
    .bind(new.created_at)
    .get_result(tx)
    .await
}

/// Ends what others of the tenant have subscribed with this same browser: whoever has all of its keys sits in front of it now,
/// and what the others are told is not for them to read.
pub async fn take_over(tx: &TenantTx, tenant: &TenantId, new: &Subscription) -> Result<(), Error> {
    // All of them in one order: two that subscribe at once take turns.
    sql("SELECT id AS value FROM push_subscriptions WHERE tenant = $1 AND endpoint = $2 ORDER BY id FOR UPDATE")
        .binds((tenant, &new.endpoint))
        .load::<Value<Uuid>>(tx)
        .await?;
    sql("DELETE FROM push_subscriptions \
         WHERE tenant = $1 AND endpoint = $2 AND user_id <> $3 AND p256dh = $4 AND auth = $5")
    .binds((tenant, &new.endpoint, &new.user_id, &new.p256dh, &new.auth))
    .execute(tx)
    .await?;
    Ok(())
}

/// One of a tenant's.
pub async fn find(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<Option<Subscription>, Error> {
    sql(concat!("SELECT ", columns!(), " FROM push_subscriptions WHERE tenant = $1 AND id = $2"))
        .binds((tenant, id))
        .optional(tx)
        .await
}

/// All of a user's, by id.
pub async fn ids(tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<Vec<Uuid>, Error> {
    let found = sql("SELECT id AS value FROM push_subscriptions WHERE tenant = $1 AND user_id = $2 ORDER BY id")
        .binds((tenant, user))
        .load::<Value<Uuid>>(tx)
        .await?;
    Ok(found.into_iter().map(|Value(id)| id).collect())
}

/// A user's, newest first, before a place.
pub async fn page(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Subscription>, Error> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM push_subscriptions WHERE tenant = $1 AND user_id = $2 AND ($3::uuid IS NULL OR id < $3) \
         ORDER BY id DESC LIMIT $4"
    ))
    .binds((tenant, user, before, limit))
    .load(tx)
    .await
}

/// Removes one of a user's. Whether it was there.
pub async fn delete(tx: &TenantTx, tenant: &TenantId, user: &UserId, id: Uuid) -> Result<bool, Error> {
    let gone = sql("DELETE FROM push_subscriptions WHERE tenant = $1 AND user_id = $2 AND id = $3")
        .binds((tenant, user, id))
        .execute(tx)
        .await?;
    Ok(gone == 1)
}

/// Removes one that its push service does not know any more, unless the browser has subscribed anew meanwhile.
pub async fn forget(tx: &TenantTx, tenant: &TenantId, gone: &Subscription) -> Result<bool, Error> {
    let gone = sql("DELETE FROM push_subscriptions WHERE tenant = $1 AND id = $2 AND updated_at = $3")
        .binds((tenant, gone.id, gone.updated_at))
        .execute(tx)
        .await?;
    Ok(gone == 1)
}

/// Removes at most `most` of a tenant's that have expired by their own word. Returns how many.
pub async fn prune(tx: &TenantTx, tenant: &TenantId, now: Timestamp, most: i64) -> Result<usize, Error> {
    sql("DELETE FROM push_subscriptions WHERE tenant = $1 AND id IN ( \
             SELECT id FROM push_subscriptions WHERE tenant = $1 AND expires_at < $2 LIMIT $3)")
    .binds((tenant, now, most))
    .execute(tx)
    .await
}
