//! `idempotency_keys`: one row a key that a client sent. Every step is one conditional statement, so that one request in
//! time carries a write out, whichever replica it came to.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};
use uuid::Uuid;

use crate::rules::idempotency::Hash;

/// A request under a key.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub tenant: &'a TenantId,
    pub user: &'a UserId,
    pub key: Hash,
    pub request: Hash,
}

row! {
    /// What is known of a key.
    #[derive(Debug, Clone)]
    pub struct Known {
        pub request_hash: Vec<u8>,
        /// How long its claim counts yet.
        pub seconds_left: i64,
        pub answer_sealed: Option<String>,
    }
}

/// Claims a key for a minute, which is more than a service may take: a new one, one whose day is over (`forgotten`), one
/// whose claim ran out for the same request, or one whose request failed. Returns when this request first came under the
/// key; none when the key is another's, or answered. Claims run by Postgres' clock, since replicas' clocks differ.
pub async fn claim(
    tx: &TenantTx,
    request: &Request<'_>,
    claim: Uuid,
    now: Timestamp,
    forgotten: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let claimed = sql("INSERT INTO idempotency_keys AS k \
             (tenant, user_id, key_hash, request_hash, claim, claimed_until, created_at) \
         VALUES ($1, $2, $3, $4, $5, clock_timestamp() + interval '60 seconds', $6) \
         ON CONFLICT (tenant, user_id, key_hash) DO UPDATE SET \
             claim = excluded.claim, claimed_until = excluded.claimed_until, request_hash = excluded.request_hash, \
             answer_sealed = NULL, failed = false, \
             created_at = CASE WHEN k.created_at <= $7 OR k.request_hash <> excluded.request_hash \
                               THEN excluded.created_at ELSE k.created_at END \
         WHERE k.created_at <= $7 \
            OR (k.answer_sealed IS NULL AND k.claimed_until <= clock_timestamp() \
                AND (k.request_hash = excluded.request_hash OR k.failed)) \
         RETURNING created_at AS value")
    .binds((request.tenant, request.user, request.key.to_vec(), request.request.to_vec(), claim, now, forgotten))
    .optional::<Value<Timestamp>>(tx)
    .await?;
    Ok(claimed.map(|first| first.0))
}

/// What is known of a key.
pub async fn find(tx: &TenantTx, request: &Request<'_>) -> Result<Option<Known>, Error> {
    sql("SELECT request_hash, answer_sealed, \
             ceil(extract(epoch FROM claimed_until - clock_timestamp()))::bigint AS seconds_left \
         FROM idempotency_keys WHERE user_id = $1 AND key_hash = $2")
    .binds((request.user, request.key.to_vec()))
    .optional(tx)
    .await
}

/// Keeps the answer of the claim's request.
pub async fn answer(tx: &TenantTx, request: &Request<'_>, claim: Uuid, sealed: &str) -> Result<bool, Error> {
    let kept = sql("UPDATE idempotency_keys SET answer_sealed = $4 \
         WHERE user_id = $1 AND key_hash = $2 AND claim = $3 AND answer_sealed IS NULL")
    .binds((request.user, request.key.to_vec(), claim, sealed))
    .execute(tx)
    .await?;
    Ok(kept > 0)
}

/// Gives a claim up: the request had no effect, and the next one may have.
pub async fn release(tx: &TenantTx, request: &Request<'_>, claim: Uuid) -> Result<(), Error> {
    sql("DELETE FROM idempotency_keys WHERE user_id = $1 AND key_hash = $2 AND claim = $3 AND answer_sealed IS NULL")
        .binds((request.user, request.key.to_vec(), claim))
        .execute(tx)
        .await?;
    Ok(())
}

/// Ends a claim whose request failed, perhaps after its effect.
pub async fn fail(tx: &TenantTx, request: &Request<'_>, claim: Uuid) -> Result<(), Error> {
    sql("UPDATE idempotency_keys SET failed = true, claimed_until = clock_timestamp() \
         WHERE user_id = $1 AND key_hash = $2 AND claim = $3 AND answer_sealed IS NULL")
    .binds((request.user, request.key.to_vec(), claim))
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets what is from before `before`, a slice of it.
pub async fn delete_old(tx: &SystemTx, before: Timestamp, slice: i64) -> Result<usize, Error> {
    let cut = sql("SELECT max(created_at) AS value FROM (SELECT created_at FROM idempotency_keys \
         WHERE created_at < $1 ORDER BY created_at LIMIT $2) AS oldest")
    .binds((before, slice))
    .get_result::<Value<Option<Timestamp>>>(tx)
    .await?;
    let Some(cut) = cut.0 else { return Ok(0) };
    sql("DELETE FROM idempotency_keys WHERE created_at <= $1").bind(cut).execute(tx).await
}
