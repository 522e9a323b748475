//! `google_accounts`: a Google account for one OAuth client, outside tenancy. System role.

use postrider_domain::Timestamp;
use postrider_storage::types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{Error, QueryableByName, Tx, sql};
use uuid::Uuid;

use crate::rules::identity::Identity;

/// An account and its watch.
#[derive(Debug, Clone, QueryableByName)]
pub struct Account {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Text)]
    pub address_key: String,
    #[diesel(sql_type = Bool)]
    pub by_address: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub grant_ended_at: Option<Timestamp>,
    #[diesel(sql_type = Bool)]
    pub watch_wanted: bool,
    #[diesel(sql_type = Nullable<Text>)]
    pub watch_topic: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub watch_history_id: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub watch_expires_at: Option<Timestamp>,
    #[diesel(sql_type = Integer)]
    pub watch_attempts: i32,
}

/// Serialises everything that decides about one address: connecting, disconnecting, giving a grant back. Two rows may
/// be the same account (one known by `sub`, one by address), so a row lock is not enough.
pub async fn lock_address(tx: &mut Tx, address_key: &str) -> Result<(), Error> {
    sql("SELECT pg_advisory_xact_lock(hashtextextended('postrider.google_account.' || $1, 0))")
        .bind_as::<Text, _>(address_key)
        .execute(tx)
        .await?;
    Ok(())
}

/// The account of an identity, made under `new_id` if it is new; its address follows Google's. The row is locked.
pub async fn upsert(tx: &mut Tx, new_id: Uuid, app: Uuid, who: &Identity) -> Result<Account, Error> {
    sql("INSERT INTO google_accounts (id, app_id, sub, by_address, email_address, address_key) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (app_id, sub) DO UPDATE SET email_address = excluded.email_address, \
            address_key = excluded.address_key, updated_at = clock_timestamp() \
         RETURNING id, address_key, by_address, grant_ended_at, watch_wanted, watch_topic, watch_history_id, \
            watch_expires_at, watch_attempts")
    .bind_as::<SqlUuid, _>(new_id)
    .bind_as::<SqlUuid, _>(app)
    .bind_as::<Text, _>(who.sub.as_str().to_owned())
    .bind_as::<Bool, _>(who.by_address)
    .bind_as::<Text, _>(who.address.as_str().to_owned())
    .bind_as::<Text, _>(who.address.lookup_key())
    .get_result(tx)
    .await
}

/// The account, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Account, Error> {
    sql("SELECT id, address_key, by_address, grant_ended_at, watch_wanted, watch_topic, watch_history_id, \
            watch_expires_at, watch_attempts \
         FROM google_accounts WHERE id = $1 FOR UPDATE")
    .bind_as::<SqlUuid, _>(id)
    .get_result(tx)
    .await
}

/// Remembers that the whole grant was given back: tokens issued before are dead.
pub async fn mark_grant_ended(tx: &mut Tx, id: Uuid, at: Timestamp) -> Result<(), Error> {
    sql("UPDATE google_accounts SET grant_ended_at = $2, updated_at = clock_timestamp() WHERE id = $1")
        .bind_as::<SqlUuid, _>(id)
        .bind_as::<Timestamptz, _>(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Remembers when pushes for addresses were last seen. A maximum: repeats and late ones change nothing. Answers how
/// many accounts moved.
pub async fn mark_heard(tx: &mut Tx, keys: Vec<String>, at: Vec<Timestamp>) -> Result<usize, Error> {
    sql("UPDATE google_accounts a SET last_notification_at = heard.at \
         FROM unnest($1, $2) AS heard (address_key, at) \
         WHERE a.address_key = heard.address_key \
           AND (a.last_notification_at IS NULL OR a.last_notification_at < heard.at)")
    .bind_as::<Array<Text>, _>(keys)
    .bind_as::<Array<Timestamptz>, _>(at)
    .execute(tx)
    .await
}
