//! `oauth_states`: consents under way. Made by the tenant; found by hash across tenants, because the callback comes
//! without identity. Every use is one conditional statement, so that only one caller wins.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Value, row, sql};
use uuid::Uuid;

/// SHA-256 of a secret that travels through the browser.
pub type Hash = Vec<u8>;

/// A consent that was begun.
#[derive(Debug, Clone)]
pub struct NewConsent {
    pub state_hash: Hash,
    pub tenant: TenantId,
    pub user: UserId,
    pub verifier_sealed: String,
    pub cookie_hash: Hash,
    pub return_to: Option<String>,
    /// The connect link it was begun by.
    pub link: Option<Uuid>,
    pub expires_at: Timestamp,
}

row! {
    /// A consent whose state was brought back.
    #[derive(Debug, Clone)]
    pub struct Consent {
        pub state_hash: Hash,
        pub tenant: TenantId,
        pub user_id: UserId,
        pub verifier_sealed: String,
        pub cookie_hash: Hash,
        pub return_to: Option<String>,
        pub link_id: Option<Uuid>,
        pub expires_at: Timestamp,
        pub grant_sealed: Option<String>,
    }
}

macro_rules! consent_columns {
    () => {
        "state_hash, tenant, user_id, verifier_sealed, cookie_hash, return_to, link_id, expires_at, grant_sealed"
    };
}

/// Keeps a consent that was begun.
pub async fn insert(tx: &TenantTx, new: NewConsent) -> Result<(), Error> {
    sql("INSERT INTO oauth_states (state_hash, tenant, user_id, verifier_sealed, cookie_hash, return_to, expires_at, \
            link_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .binds((new.state_hash, new.tenant, new.user, new.verifier_sealed, new.cookie_hash, new.return_to, new.expires_at))
    .bind(new.link)
    .execute(tx)
    .await?;
    Ok(())
}

/// Uses a state up: the first caller in time gets it, everybody else nothing.
pub async fn take(tx: &SystemTx, state_hash: &Hash, now: Timestamp) -> Result<Option<Consent>, Error> {
    sql(concat!(
        "UPDATE oauth_states SET used_at = $2 WHERE state_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING ",
        consent_columns!()
    ))
    .binds((state_hash, now))
    .optional(tx)
    .await
}

/// As [`take`], for one user only: a state of somebody else is as good as none, and so is one of a connect link, which the
/// callback alone ends.
pub async fn take_own(
    tx: &TenantTx,
    state_hash: &Hash,
    user: &UserId,
    now: Timestamp,
) -> Result<Option<Consent>, Error> {
    sql(concat!(
        "UPDATE oauth_states SET used_at = $2 \
         WHERE state_hash = $1 AND user_id = $3 AND link_id IS NULL AND used_at IS NULL AND expires_at > $2 RETURNING ",
        consent_columns!()
    ))
    .binds((state_hash, now, user))
    .optional(tx)
    .await
}

/// Gives a state back: Google could not be reached, the code is still unused, the browser may try again.
pub async fn give_back(tx: &SystemTx, state_hash: &Hash) -> Result<(), Error> {
    sql("UPDATE oauth_states SET used_at = NULL WHERE state_hash = $1 AND confirm_hash IS NULL")
        .bind(state_hash)
        .execute(tx)
        .await?;
    Ok(())
}

/// Keeps a grant, sealed, until its owner-to-be says yes on the confirm page.
pub async fn await_confirmation(
    tx: &SystemTx,
    state_hash: &Hash,
    confirm_hash: &Hash,
    grant_sealed: &str,
    expires_at: Timestamp,
) -> Result<(), Error> {
    sql("UPDATE oauth_states SET confirm_hash = $2, grant_sealed = $3, expires_at = $4 WHERE state_hash = $1")
        .binds((state_hash, confirm_hash, grant_sealed, expires_at))
        .execute(tx)
        .await?;
    Ok(())
}

/// The consent that waits for this confirm token's answer; the token stays good.
pub async fn find_confirmed(tx: &SystemTx, confirm_hash: &Hash, now: Timestamp) -> Result<Option<Consent>, Error> {
    sql(concat!("SELECT ", consent_columns!(), " FROM oauth_states WHERE confirm_hash = $1 AND expires_at > $2"))
        .binds((confirm_hash, now))
        .optional(tx)
        .await
}

/// Uses a confirm token up: the row is deleted and handed to the first caller in time.
pub async fn take_confirmed(tx: &SystemTx, confirm_hash: &Hash, now: Timestamp) -> Result<Option<Consent>, Error> {
    sql(concat!("DELETE FROM oauth_states WHERE confirm_hash = $1 AND expires_at > $2 RETURNING ", consent_columns!()))
        .binds((confirm_hash, now))
        .optional(tx)
        .await
}

/// Forgets what ended before `before`. Returns how many.
pub async fn delete_expired(tx: &SystemTx, before: Timestamp) -> Result<usize, Error> {
    sql("DELETE FROM oauth_states WHERE expires_at < $1").bind(before).execute(tx).await
}

/// The consents after `after`, in the order of their hashes.
pub async fn page(tx: &SystemTx, after: &Hash, limit: i64) -> Result<Vec<Hash>, Error> {
    let found = sql("SELECT state_hash AS value FROM oauth_states WHERE state_hash > $1 ORDER BY state_hash LIMIT $2")
        .binds((after, limit))
        .load::<Value<Hash>>(tx)
        .await?;
    Ok(found.into_iter().map(|hash| hash.0).collect())
}

row! {
    /// What a consent holds sealed.
    #[derive(Debug)]
    pub struct Seals {
        pub verifier_sealed: String,
        pub grant_sealed: Option<String>,
    }
}

/// What a consent holds sealed, locked until the transaction ends.
pub async fn lock(tx: &SystemTx, state_hash: &Hash) -> Result<Option<Seals>, Error> {
    sql("SELECT verifier_sealed, grant_sealed FROM oauth_states WHERE state_hash = $1 FOR UPDATE")
        .bind(state_hash)
        .optional(tx)
        .await
}

/// Stores what a locked consent holds under other seals.
pub async fn seal_again(tx: &SystemTx, state_hash: &Hash, verifier: &str, grant: Option<&str>) -> Result<(), Error> {
    sql("UPDATE oauth_states SET verifier_sealed = $2, grant_sealed = $3 WHERE state_hash = $1")
        .binds((state_hash, verifier, grant))
        .execute(tx)
        .await?;
    Ok(())
}
