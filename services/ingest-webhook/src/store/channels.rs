//! `channels`: who may tell by headers that a mailbox has news.

use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::due::CLAIM_SECONDS;
use postrider_storage::{Error, SystemTx, TenantTx, Value, claim_due, row, sql};
use uuid::Uuid;

/// A channel to keep.
#[derive(Debug, Clone)]
pub struct NewChannel {
    pub id: Uuid,
    pub tenant: TenantId,
    pub user: UserId,
    pub connector: ConnectorId,
    pub address: String,
    pub token_hash: Vec<u8>,
    pub check_due_at: Timestamp,
}

row! {
    /// A channel as its user sees it.
    #[derive(Debug, Clone)]
    pub struct Channel {
        pub id: Uuid,
        pub connector_id: ConnectorId,
        pub email_address: String,
        pub last_message_number: i64,
        pub last_notice_at: Option<Timestamp>,
        pub created_at: Timestamp,
    }
}

row! {
    /// What a notice is held against.
    #[derive(Debug, Clone)]
    pub struct Known {
        pub id: Uuid,
        pub email_address: String,
        pub token_hash: Vec<u8>,
        pub last_message_number: i64,
    }
}

row! {
    /// A channel whose account is to be looked at.
    #[derive(Debug, Clone)]
    pub struct Due {
        pub id: Uuid,
        pub tenant: TenantId,
        pub user_id: UserId,
        pub connector_id: ConnectorId,
        pub email_address: String,
    }
}

macro_rules! channel_columns {
    () => {
        "id, connector_id, email_address, last_message_number, last_notice_at, created_at"
    };
}

/// Whose channels are counted until this transaction ends, by nobody else.
pub async fn lock_user(tx: &TenantTx, tenant: &TenantId, user: &UserId) -> Result<(), Error> {
    sql("SELECT pg_advisory_xact_lock(hashtextextended('postrider.channels.' || $1 || E'\\n' || $2, 0))")
        .binds((tenant, user))
        .execute(tx)
        .await?;
    Ok(())
}

/// How many channels a user has besides this one.
pub async fn count_others(tx: &TenantTx, user: &UserId, id: Uuid) -> Result<i64, Error> {
    let count = sql("SELECT count(*) AS value FROM channels WHERE user_id = $1 AND id <> $2")
        .binds((user, id))
        .get_result::<Value<i64>>(tx)
        .await?;
    Ok(count.0)
}

/// Keeps a channel. A write that comes again under its own id gives it a new token: the old one was never told.
pub async fn insert(tx: &TenantTx, new: &NewChannel) -> Result<Channel, Error> {
    sql(concat!(
        "INSERT INTO channels (id, tenant, user_id, connector_id, email_address, token_hash, check_due_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash RETURNING ",
        channel_columns!()
    ))
    .binds((new.id, &new.tenant, &new.user, new.connector, &new.address, &new.token_hash, new.check_due_at))
    .get_result(tx)
    .await
}

/// A user's channels, oldest first, after `after`.
pub async fn list(tx: &TenantTx, user: &UserId, after: Option<Uuid>, limit: i64) -> Result<Vec<Channel>, Error> {
    sql(concat!("SELECT ", channel_columns!(), " FROM channels WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3"))
        .binds((user, after.unwrap_or(Uuid::nil()), limit))
        .load(tx)
        .await
}

/// Closes a user's channel. Returns whether there was one.
pub async fn delete(tx: &TenantTx, user: &UserId, id: Uuid) -> Result<bool, Error> {
    let gone = sql("DELETE FROM channels WHERE id = $1 AND user_id = $2").binds((id, user)).execute(tx).await?;
    Ok(gone == 1)
}

/// The channel a notice names.
pub async fn find(tx: &SystemTx, id: Uuid) -> Result<Option<Known>, Error> {
    sql("SELECT id, email_address, token_hash, last_message_number FROM channels WHERE id = $1")
        .bind(id)
        .optional(tx)
        .await
}

/// A notice was passed on. A maximum: notices that overtake each other change nothing.
pub async fn mark_notice(tx: &SystemTx, id: Uuid, number: i64, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE channels SET last_message_number = $2, last_notice_at = $3 WHERE id = $1 AND last_message_number < $2")
        .binds((id, number, now))
        .execute(tx)
        .await?;
    Ok(())
}

/// Claims channels whose account is to be looked at; other replicas skip them for a minute.
pub async fn claim_checks(tx: &SystemTx, now: Timestamp, limit: i64) -> Result<Vec<Due>, Error> {
    sql(claim_due!(
        table "channels",
        of "id",
        due "check_due_at",
        claimed "check_claimed_until",
        returning "id, tenant, user_id, connector_id, email_address"
    ))
    .binds((now, limit, CLAIM_SECONDS))
    .load(tx)
    .await
}

/// The account was looked at: this is its address, and it is looked at again at `due`.
pub async fn mark_checked(tx: &SystemTx, id: Uuid, address: &str, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE channels SET email_address = $2, check_due_at = $3, check_claimed_until = NULL WHERE id = $1")
        .binds((id, address, due))
        .execute(tx)
        .await?;
    Ok(())
}

/// Closes a channel whose account is gone.
pub async fn close(tx: &SystemTx, id: Uuid) -> Result<(), Error> {
    sql("DELETE FROM channels WHERE id = $1").bind(id).execute(tx).await?;
    Ok(())
}
