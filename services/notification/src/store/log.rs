//! `user_log`: everything a client must see, in its order, as it was emitted.

use domain::{ConnectorId, TenantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

/// One entry, as it is stored, hinted between replicas and emitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, QueryableByName)]
pub struct Entry {
    #[diesel(sql_type = BigInt)]
    pub nseq: i64,
    /// `notifications` or `sync`.
    #[diesel(sql_type = Text)]
    pub room: String,
    /// Socket.IO event name.
    #[diesel(sql_type = Text)]
    pub event: String,
    /// The event's members, without `eventId` and `nseq`.
    #[diesel(sql_type = Jsonb)]
    pub payload: Value,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub account_id: Option<Uuid>,
    /// Unread count after this entry.
    #[diesel(sql_type = BigInt)]
    pub unread: i64,
}

impl Entry {
    /// The account it belongs to, if any.
    pub fn account(&self) -> Option<ConnectorId> {
        self.account_id.map(ConnectorId)
    }
}

/// Entries after a number, in order.
pub async fn after(tx: &mut Tx, tenant: &TenantId, user: &UserId, nseq: i64, limit: i64) -> Result<Vec<Entry>, Error> {
    sql("SELECT nseq, room, event, payload, account_id, unread FROM user_log \
         WHERE tenant = $1 AND user_id = $2 AND nseq > $3 ORDER BY nseq LIMIT $4")
    .bind::<Text, _>(tenant.as_str())
    .bind::<Text, _>(user.as_str())
    .bind::<BigInt, _>(nseq)
    .bind::<BigInt, _>(limit)
    .load::<Entry>(tx)
    .await
}

/// Raises the floors of a tenant's users over entries older than the given instant; answers how many users moved.
/// Runs before [`prune`] in the same transaction, so that nobody can be replayed a list with a hole in front.
pub async fn raise_floors(tx: &mut Tx, tenant: &TenantId, before: Timestamp) -> Result<usize, Error> {
    sql("UPDATE users u SET log_floor = old.nseq \
         FROM (SELECT user_id, max(nseq) AS nseq FROM user_log WHERE tenant = $1 AND created_at < $2 GROUP BY user_id) old \
         WHERE u.tenant = $1 AND u.user_id = old.user_id AND u.log_floor < old.nseq")
    .bind::<Text, _>(tenant.as_str())
    .bind::<Timestamptz, _>(before)
    .execute(tx)
    .await
}

/// Deletes a tenant's entries at or below its users' floors.
pub async fn prune(tx: &mut Tx, tenant: &TenantId) -> Result<usize, Error> {
    sql("DELETE FROM user_log l USING users u \
         WHERE l.tenant = $1 AND u.tenant = $1 AND l.user_id = u.user_id AND l.nseq <= u.log_floor")
    .bind::<Text, _>(tenant.as_str())
    .execute(tx)
    .await
}
