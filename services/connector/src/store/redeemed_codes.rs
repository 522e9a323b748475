//! `redeemed_codes`: what Google gave for a code whose account could not be named yet.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};

use super::oauth_states::Hash;

/// An answer to keep.
#[derive(Debug, Clone)]
pub struct Redeemed {
    pub code_hash: Hash,
    pub tenant: TenantId,
    pub user: UserId,
    pub answer_sealed: String,
    pub expires_at: Timestamp,
}

/// Keeps an answer; again is harmless.
pub async fn keep(tx: &TenantTx, new: &Redeemed) -> Result<(), Error> {
    sql("INSERT INTO redeemed_codes (code_hash, tenant, user_id, answer_sealed, expires_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (code_hash) DO NOTHING")
    .binds((&new.code_hash, &new.tenant, &new.user, &new.answer_sealed, new.expires_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Hands a user's kept answer to the first caller in time.
pub async fn take(tx: &TenantTx, code_hash: &Hash, user: &UserId, now: Timestamp) -> Result<Option<String>, Error> {
    let kept = sql("DELETE FROM redeemed_codes WHERE code_hash = $1 AND user_id = $2 AND expires_at > $3 \
         RETURNING answer_sealed AS value")
    .binds((code_hash, user, now))
    .optional::<Value<String>>(tx)
    .await?;
    Ok(kept.map(|kept| kept.0))
}

/// Forgets what ended before `before`. Returns how many.
pub async fn delete_expired(tx: &SystemTx, before: Timestamp) -> Result<usize, Error> {
    sql("DELETE FROM redeemed_codes WHERE expires_at < $1").bind(before).execute(tx).await
}

row! {
    /// Where a kept answer is.
    #[derive(Debug, Clone)]
    pub struct Place {
        pub code_hash: Hash,
        pub tenant: TenantId,
    }
}

/// The answers after `after`, in the order of their hashes.
pub async fn page(tx: &SystemTx, after: &Hash, limit: i64) -> Result<Vec<Place>, Error> {
    sql("SELECT code_hash, tenant FROM redeemed_codes WHERE code_hash > $1 ORDER BY code_hash LIMIT $2")
        .binds((after, limit))
        .load(tx)
        .await
}

/// A kept answer, locked until the transaction ends.
pub async fn lock(tx: &TenantTx, code_hash: &Hash) -> Result<Option<String>, Error> {
    let sealed = sql("SELECT answer_sealed AS value FROM redeemed_codes WHERE code_hash = $1 FOR UPDATE")
        .bind(code_hash)
        .optional::<Value<String>>(tx)
        .await?;
    Ok(sealed.map(|sealed| sealed.0))
}

/// Stores a locked answer under another seal.
pub async fn seal_again(tx: &TenantTx, code_hash: &Hash, sealed: &str) -> Result<(), Error> {
    sql("UPDATE redeemed_codes SET answer_sealed = $2 WHERE code_hash = $1")
        .binds((code_hash, sealed))
        .execute(tx)
        .await?;
    Ok(())
}
