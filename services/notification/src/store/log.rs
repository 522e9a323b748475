//! `user_log`: everything a client must see, in its order, as it was emitted.

use postrider_domain::{ConnectorId, NotificationId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, sql};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rules::Room;

postrider_storage::row! {
    /// One entry, as it is stored, hinted between replicas and emitted.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Entry {
        pub nseq: i64,
        pub room: Room,
        /// Socket.IO event name.
        pub event: String,
        /// The event's members, without `eventId` and `nseq`.
        pub payload: Value,
        /// The account it belongs to, if any.
        pub account_id: Option<ConnectorId>,
        /// Unread count after this entry.
        pub unread: i64,
        /// Moves the sequence and the count, and is no event. A replica of a version that knows none leaves it out.
        #[serde(default)]
        pub silent: bool,
    }
}

/// Entries after a number, in order.
pub async fn after(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    nseq: i64,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    sql("SELECT nseq, room, event, payload, account_id, unread, silent FROM user_log \
         WHERE tenant = $1 AND user_id = $2 AND nseq > $3 ORDER BY nseq LIMIT $4")
    .binds((tenant, user, nseq, limit))
    .load(tx)
    .await
}

/// The entry a notification was written with, if the log still has it.
pub async fn created(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    id: NotificationId,
) -> Result<Option<Entry>, Error> {
    sql("SELECT l.nseq, l.room, l.event, l.payload, l.account_id, l.unread, l.silent \
         FROM notifications n JOIN user_log l ON l.tenant = n.tenant AND l.user_id = n.user_id AND l.nseq = n.created_nseq \
         WHERE n.tenant = $1 AND n.user_id = $2 AND n.id = $3")
    .binds((tenant, user, id))
    .optional(tx)
    .await
}

/// Adds the alert of what was held. The user's row must be locked, and moved on by the caller.
pub async fn append_released(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    newest: NotificationId,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), Error> {
    sql(
        "INSERT INTO user_log (tenant, user_id, nseq, kind, room, event, payload, notification_id, account_id, unread, \
             created_at) \
         VALUES ($1, $2, $3, 'released', $4, $5, $6, $7, $8, $9, $10)",
    )
    .binds((tenant, user, entry.nseq, entry.room, &entry.event, &entry.payload, newest, entry.account_id, entry.unread))
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the content out of at most `most` entries about an account; they keep their places. Returns how many.
pub async fn blank(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: ConnectorId,
    most: i64,
) -> Result<usize, Error> {
    sql("UPDATE user_log SET silent = true, event = 'erased', payload = '{}' \
         WHERE tenant = $1 AND user_id = $2 AND nseq IN ( \
             SELECT nseq FROM user_log WHERE tenant = $1 AND user_id = $2 AND account_id = $3 AND kind IN ('created', 'released') \
                 AND event <> 'erased' LIMIT $4)")
    .binds((tenant, user, account, most))
    .execute(tx)
    .await
}

/// Deletes at most `most` of a tenant's entries older than the given instant. Returns how many. The floors of their
/// users rise over them in the same statement, so that nobody can be replayed a list with a hole in front; the users
/// are locked in one order, so that two replicas that prune cannot block each other.
pub async fn prune(tx: &TenantTx, tenant: &TenantId, before: Timestamp, most: i64) -> Result<usize, Error> {
    sql("WITH old AS ( \
             SELECT user_id, nseq FROM user_log WHERE tenant = $1 AND created_at < $2 ORDER BY created_at LIMIT $3), \
         tops AS (SELECT user_id, max(nseq) AS nseq FROM old GROUP BY user_id), \
         locked AS ( \
             SELECT u.user_id FROM users u WHERE u.tenant = $1 AND u.user_id IN (SELECT user_id FROM tops) \
             ORDER BY u.user_id FOR UPDATE), \
         raised AS ( \
             UPDATE users u SET log_floor = greatest(u.log_floor, tops.nseq) FROM locked JOIN tops USING (user_id) \
             WHERE u.tenant = $1 AND u.user_id = locked.user_id RETURNING u.user_id) \
         DELETE FROM user_log l USING old JOIN raised USING (user_id) \
         WHERE l.tenant = $1 AND l.user_id = old.user_id AND l.nseq = old.nseq")
    .binds((tenant, before, most))
    .execute(tx)
    .await
}
