//! `feed`: what happened to each account's mailbox, under its number there; `feed_tickets`: stand-ins for a token.

use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, sql};
use serde_json::Value;
use uuid::Uuid;

postrider_storage::row! {
    /// An entry.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Entry {
        pub account_id: ConnectorId,
        pub seq: i64,
        pub event_id: Uuid,
        pub kind: String,
        pub time: Timestamp,
        pub data: Value,
    }

    /// An account of a user and how far its feed may be read: behind that a number may still be missing.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Head {
        pub account_id: ConnectorId,
        pub head: i64,
        /// The first number that is kept.
        pub oldest: Option<i64>,
    }

    /// Whom a ticket stands for.
    #[derive(Debug, Clone)]
    pub struct Holder {
        pub tenant: TenantId,
        pub user_id: UserId,
    }
}

/// Writes an entry; one that is there stays as it is.
pub async fn insert(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), Error> {
    sql("INSERT INTO feed (tenant, account_id, seq, user_id, event_id, type, time, data, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant, account_id, seq) DO NOTHING")
    .binds((tenant, entry.account_id, entry.seq, user, entry.event_id, &entry.kind, entry.time, &entry.data, now))
    .execute(tx)
    .await?;
    Ok(())
}

/// The user's accounts, or one of them, with their heads. `consumer` is whose knowledge of the streams counts.
pub async fn heads(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: Option<ConnectorId>,
    consumer: &str,
) -> Result<Vec<Head>, Error> {
    sql("SELECT a.account_id, coalesce(h.head, 0) AS head, \
             (SELECT min(f.seq) FROM feed f WHERE f.tenant = $1 AND f.account_id = a.account_id) AS oldest \
         FROM accounts a \
         LEFT JOIN stream_heads h ON h.consumer = $4 AND h.stream = 'mailbox/' || a.account_id::text \
         WHERE a.tenant = $1 AND a.user_id = $2 AND ($3::uuid IS NULL OR a.account_id = $3) ORDER BY a.account_id")
    .binds((tenant, user, account, consumer))
    .load(tx)
    .await
}

/// From where to where to read an account's feed.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub account: ConnectorId,
    /// Nothing: from the oldest that is kept.
    pub after: Option<i64>,
    pub until: i64,
}

/// Entries of these spans, at most `limit` of each account, in the order of their numbers. No types are all types.
pub async fn entries(
    tx: &TenantTx,
    tenant: &TenantId,
    spans: &[Span],
    types: &[String],
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    sql("SELECT f.account_id, f.seq, f.event_id, f.type AS kind, f.time, f.data \
         FROM {s: account_id uuid, low bigint, high bigint} \
         CROSS JOIN LATERAL ( \
             SELECT * FROM feed e WHERE e.tenant = $1 AND e.account_id = s.account_id AND e.seq > s.low \
                 AND e.seq <= s.high AND (cardinality($2::text[]) = 0 OR e.type = ANY($2)) \
             ORDER BY e.seq LIMIT $3) f \
         ORDER BY f.account_id, f.seq")
    .binds((tenant, types, limit))
    .column("account_id", spans.iter().map(|span| span.account))
    .column("low", spans.iter().map(|span| span.after.unwrap_or(0)))
    .column("high", spans.iter().map(|span| span.until))
    .load(tx)
    .await
}

/// One entry.
pub async fn find(tx: &TenantTx, tenant: &TenantId, account: ConnectorId, seq: i64) -> Result<Option<Entry>, Error> {
    sql("SELECT account_id, seq, event_id, type AS kind, time, data FROM feed \
         WHERE tenant = $1 AND account_id = $2 AND seq = $3")
    .binds((tenant, account, seq))
    .optional(tx)
    .await
}

/// Takes the content out of at most `most` entries of an account; they keep their numbers. Returns how many.
pub async fn erase(tx: &TenantTx, tenant: &TenantId, account: ConnectorId, most: i64) -> Result<usize, Error> {
    sql("UPDATE feed SET type = 'erased', data = '{}' WHERE tenant = $1 AND account_id = $2 AND seq IN ( \
             SELECT seq FROM feed WHERE tenant = $1 AND account_id = $2 AND type <> 'erased' LIMIT $3)")
    .binds((tenant, account, most))
    .execute(tx)
    .await
}

/// Forgets at most `most` of a tenant's entries older than the given instant. Returns how many.
pub async fn prune(tx: &TenantTx, tenant: &TenantId, before: Timestamp, most: i64) -> Result<usize, Error> {
    sql("DELETE FROM feed f USING ( \
             SELECT account_id, seq FROM feed WHERE tenant = $1 AND created_at < $2 ORDER BY created_at LIMIT $3) old \
         WHERE f.tenant = $1 AND f.account_id = old.account_id AND f.seq = old.seq")
    .binds((tenant, before, most))
    .execute(tx)
    .await
}

/// Keeps a ticket by its hash.
pub async fn insert_ticket(
    tx: &TenantTx,
    hash: Vec<u8>,
    tenant: &TenantId,
    user: &UserId,
    expires: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    sql("INSERT INTO feed_tickets (hash, tenant, user_id, expires_at, created_at) VALUES ($1, $2, $3, $4, $5)")
        .binds((hash, tenant, user, expires, now))
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets tickets that nobody has spent in their time. Returns how many.
pub async fn forget_tickets(tx: &SystemTx, now: Timestamp) -> Result<usize, Error> {
    sql("DELETE FROM feed_tickets WHERE expires_at <= $1").bind(now).execute(tx).await
}

/// Spends a ticket: whom it stood for, if it was good. What has expired goes too.
pub async fn redeem(tx: &SystemTx, hash: Vec<u8>, now: Timestamp) -> Result<Option<Holder>, Error> {
    forget_tickets(tx, now).await?;
    sql("DELETE FROM feed_tickets WHERE hash = $1 RETURNING tenant, user_id").bind(hash).optional(tx).await
}
