//! `oauth_states`: consents under way. Made in the tenant's role; found by hash in the system role, because the
//! callback comes without identity. Every use is one conditional statement, so that only one caller wins.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::types::{Binary, Nullable, Text, Timestamptz};
use postrider_storage::{Error, QueryableByName, Tx, sql};

/// SHA-256 of a secret that travels through the browser.
pub type Hash = Vec<u8>;

/// A consent that was begun.
#[derive(Debug, Clone)]
pub struct NewState {
    pub state_hash: Hash,
    pub tenant: TenantId,
    pub user: UserId,
    pub verifier_sealed: String,
    pub cookie_hash: Hash,
    pub return_to: Option<String>,
    pub expires_at: Timestamp,
}

/// A consent whose state was brought back.
#[derive(Debug, Clone, QueryableByName)]
pub struct State {
    #[diesel(sql_type = Binary)]
    pub state_hash: Hash,
    #[diesel(sql_type = Text)]
    pub tenant: String,
    #[diesel(sql_type = Text)]
    pub user_id: String,
    #[diesel(sql_type = Text)]
    pub verifier_sealed: String,
    #[diesel(sql_type = Binary)]
    pub cookie_hash: Hash,
    #[diesel(sql_type = Nullable<Text>)]
    pub return_to: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub grant_sealed: Option<String>,
}

/// Keeps a consent that was begun. Tenant role.
pub async fn insert(tx: &mut Tx, new: NewState) -> Result<(), Error> {
    sql("INSERT INTO oauth_states (state_hash, tenant, user_id, verifier_sealed, cookie_hash, return_to, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
    .bind_as::<Binary, _>(new.state_hash)
    .bind_as::<Text, _>(new.tenant.into_string())
    .bind_as::<Text, _>(new.user.into_string())
    .bind_as::<Text, _>(new.verifier_sealed)
    .bind_as::<Binary, _>(new.cookie_hash)
    .bind_as::<Nullable<Text>, _>(new.return_to)
    .bind_as::<Timestamptz, _>(new.expires_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Uses a state up: the first caller in time gets it, everybody else nothing. System role.
pub async fn take(tx: &mut Tx, state_hash: Hash, now: Timestamp) -> Result<Option<State>, Error> {
    sql("UPDATE oauth_states SET used_at = $2 WHERE state_hash = $1 AND used_at IS NULL AND expires_at > $2 \
         RETURNING state_hash, tenant, user_id, verifier_sealed, cookie_hash, return_to, grant_sealed")
    .bind_as::<Binary, _>(state_hash)
    .bind_as::<Timestamptz, _>(now)
    .optional(tx)
    .await
}

/// As [`take`], for one user only: a state of somebody else is as good as none. Tenant role.
pub async fn take_own(tx: &mut Tx, state_hash: Hash, user: &UserId, now: Timestamp) -> Result<Option<State>, Error> {
    sql("UPDATE oauth_states SET used_at = $2 \
         WHERE state_hash = $1 AND user_id = $3 AND used_at IS NULL AND expires_at > $2 \
         RETURNING state_hash, tenant, user_id, verifier_sealed, cookie_hash, return_to, grant_sealed")
    .bind_as::<Binary, _>(state_hash)
    .bind_as::<Timestamptz, _>(now)
    .bind_as::<Text, _>(user.as_str().to_owned())
    .optional(tx)
    .await
}

/// Gives a state back: Google could not be reached, the code is still unused, the browser may try again. System role.
pub async fn give_back(tx: &mut Tx, state_hash: Hash) -> Result<(), Error> {
    sql("UPDATE oauth_states SET used_at = NULL WHERE state_hash = $1 AND confirm_hash IS NULL")
        .bind_as::<Binary, _>(state_hash)
        .execute(tx)
        .await?;
    Ok(())
}

/// Keeps a grant, sealed, until its owner-to-be says yes on the confirm page. System role.
pub async fn await_confirmation(
    tx: &mut Tx,
    state_hash: Hash,
    confirm_hash: Hash,
    grant_sealed: String,
    expires_at: Timestamp,
) -> Result<(), Error> {
    sql("UPDATE oauth_states SET confirm_hash = $2, grant_sealed = $3, expires_at = $4 WHERE state_hash = $1")
        .bind_as::<Binary, _>(state_hash)
        .bind_as::<Binary, _>(confirm_hash)
        .bind_as::<Text, _>(grant_sealed)
        .bind_as::<Timestamptz, _>(expires_at)
        .execute(tx)
        .await?;
    Ok(())
}

/// The consent that waits for this confirm token's answer; the token stays good. System role.
pub async fn find_confirmed(tx: &mut Tx, confirm_hash: Hash, now: Timestamp) -> Result<Option<State>, Error> {
    sql("SELECT state_hash, tenant, user_id, verifier_sealed, cookie_hash, return_to, grant_sealed FROM oauth_states \
         WHERE confirm_hash = $1 AND expires_at > $2")
    .bind_as::<Binary, _>(confirm_hash)
    .bind_as::<Timestamptz, _>(now)
    .optional(tx)
    .await
}

/// Uses a confirm token up: the row is deleted and handed to the first caller in time. System role.
pub async fn take_confirmed(tx: &mut Tx, confirm_hash: Hash, now: Timestamp) -> Result<Option<State>, Error> {
    sql("DELETE FROM oauth_states WHERE confirm_hash = $1 AND expires_at > $2 \
         RETURNING state_hash, tenant, user_id, verifier_sealed, cookie_hash, return_to, grant_sealed")
    .bind_as::<Binary, _>(confirm_hash)
    .bind_as::<Timestamptz, _>(now)
    .optional(tx)
    .await
}

/// Forgets what ended before `before`. Answers how many. System role.
pub async fn delete_expired(tx: &mut Tx, before: Timestamp) -> Result<usize, Error> {
    sql("DELETE FROM oauth_states WHERE expires_at < $1").bind_as::<Timestamptz, _>(before).execute(tx).await
}
