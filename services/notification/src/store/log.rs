//! `user_log`: everything a client must see, in its order, as it was emitted.

use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
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
    sql("SELECT nseq, room, event, payload, account_id, unread FROM user_log \
         WHERE tenant = $1 AND user_id = $2 AND nseq > $3 ORDER BY nseq LIMIT $4")
    .binds((tenant, user, nseq, limit))
    .load(tx)
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
