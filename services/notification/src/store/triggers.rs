//! `triggers` and `trigger_fires`.

use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, SystemTx, TenantTx, Value as Column, sql};
use serde_json::Value;
use uuid::Uuid;

use crate::rules::trigger::TriggerType;

postrider_storage::row! {
    /// A trigger.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Trigger {
        pub id: Uuid,
        pub user_id: UserId,
        pub kind: TriggerType,
        /// Whose mail; of type `email` alone.
        pub account_id: Option<ConnectorId>,
        pub name: String,
        pub enabled: bool,
        pub config: Value,
        pub in_app: bool,
        /// Further channels.
        pub also: Vec<String>,
        /// What requests are signed with; of type `webhook` alone.
        pub secret_sealed: Option<String>,
        pub old_secret_sealed: Option<String>,
        pub old_secret_until: Option<Timestamp>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }

    /// What one has set off.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Fire {
        pub id: Uuid,
        pub trigger_id: Uuid,
        pub account_id: Option<ConnectorId>,
        pub message_id: Option<String>,
        pub email_id: Option<String>,
        /// `webhook-id` of the request that did it.
        pub request_id: Option<String>,
        /// The mail's number in its account's feed.
        pub feed_seq: Option<i64>,
        pub created_at: Timestamp,
    }
}

macro_rules! columns {
    () => {
        "id, user_id, type AS kind, account_id, name, enabled, config, in_app, also, secret_sealed, old_secret_sealed, \
         old_secret_until, created_at, updated_at"
    };
}

macro_rules! fire_columns {
    () => {
        "id, trigger_id, account_id, message_id, email_id, request_id, feed_seq, created_at"
    };
}

/// Writes a new one. Whether it was none before.
pub async fn insert(tx: &TenantTx, tenant: &TenantId, new: &Trigger) -> Result<bool, Error> {
    let written =
        sql("INSERT INTO triggers (tenant, id, user_id, account_id, name, enabled, type, config, in_app, also, \
             secret_sealed, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) ON CONFLICT (tenant, id) DO NOTHING")
        .binds((tenant, new.id, &new.user_id, new.account_id, &new.name, new.enabled, new.kind, &new.config))
        .binds((new.in_app, &new.also, &new.secret_sealed, new.created_at))
        .execute(tx)
        .await?;
    Ok(written == 1)
}

/// Whose a trigger of type `webhook` is.
pub async fn tenant_of(tx: &SystemTx, id: Uuid) -> Result<Option<TenantId>, Error> {
    let found = sql("SELECT tenant AS value FROM triggers WHERE id = $1 AND type = 'webhook'")
        .bind(id)
        .optional::<Column<TenantId>>(tx)
        .await?;
    Ok(found.map(|Column(tenant)| tenant))
}

/// One of a tenant's.
pub async fn find(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<Option<Trigger>, Error> {
    sql(concat!("SELECT ", columns!(), " FROM triggers WHERE tenant = $1 AND id = $2"))
        .binds((tenant, id))
        .optional(tx)
        .await
}

/// One of a user's, locked.
pub async fn lock(tx: &TenantTx, tenant: &TenantId, user: &UserId, id: Uuid) -> Result<Option<Trigger>, Error> {
    sql(concat!("SELECT ", columns!(), " FROM triggers WHERE tenant = $1 AND user_id = $2 AND id = $3 FOR UPDATE"))
        .binds((tenant, user, id))
        .optional(tx)
        .await
}

/// A user's, newest first, before a place.
pub async fn page(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Trigger>, Error> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM triggers WHERE tenant = $1 AND user_id = $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4"
    ))
    .binds((tenant, user, before, limit))
    .load(tx)
    .await
}

/// Writes what was changed of one that is locked.
pub async fn update(tx: &TenantTx, tenant: &TenantId, one: &Trigger) -> Result<(), Error> {
    sql("UPDATE triggers SET account_id = $3, name = $4, enabled = $5, config = $6, in_app = $7, also = $8, \
             secret_sealed = $9, old_secret_sealed = $10, old_secret_until = $11, updated_at = $12 \
         WHERE tenant = $1 AND id = $2")
    .binds((tenant, one.id, one.account_id, &one.name, one.enabled, &one.config, one.in_app, &one.also))
    .binds((&one.secret_sealed, &one.old_secret_sealed, one.old_secret_until, one.updated_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes one of a user's, with its fires. Whether it was there.
pub async fn delete(tx: &TenantTx, tenant: &TenantId, user: &UserId, id: Uuid) -> Result<bool, Error> {
    let gone = sql("DELETE FROM triggers WHERE tenant = $1 AND user_id = $2 AND id = $3")
        .binds((tenant, user, id))
        .execute(tx)
        .await?;
    Ok(gone == 1)
}

/// No trigger of a user mails any more, nor does what one has said already.
pub async fn end_mails(tx: &TenantTx, tenant: &TenantId, user: &UserId, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE triggers SET also = array_remove(also, 'email'), updated_at = $3 \
         WHERE tenant = $1 AND user_id = $2 AND 'email' = ANY(also)")
    .binds((tenant, user, now))
    .execute(tx)
    .await?;
    sql("UPDATE notifications SET also = array_remove(also, 'email') \
         WHERE tenant = $1 AND user_id = $2 AND 'email' = ANY(also)")
    .binds((tenant, user))
    .execute(tx)
    .await?;
    Ok(())
}

/// What an owner has on an account.
pub async fn enabled(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: ConnectorId,
) -> Result<Vec<Trigger>, Error> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM triggers WHERE tenant = $1 AND user_id = $2 AND account_id = $3 AND enabled ORDER BY id"
    ))
    .binds((tenant, user, account))
    .load(tx)
    .await
}

/// Notes that a mail, or a request, set one off. Whether it is the first time.
pub async fn fire(tx: &TenantTx, tenant: &TenantId, fire: &Fire) -> Result<bool, Error> {
    let written =
        sql("INSERT INTO trigger_fires (tenant, id, trigger_id, account_id, message_id, email_id, request_id, \
             feed_seq, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING")
        .binds((tenant, fire.id, fire.trigger_id, fire.account_id, &fire.message_id, &fire.email_id, &fire.request_id))
        .binds((fire.feed_seq, fire.created_at))
        .execute(tx)
        .await?;
    Ok(written == 1)
}

/// One fire.
pub async fn find_fire(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<Option<Fire>, Error> {
    sql(concat!("SELECT ", fire_columns!(), " FROM trigger_fires WHERE tenant = $1 AND id = $2"))
        .binds((tenant, id))
        .optional(tx)
        .await
}

/// What a request set off.
pub async fn fire_of(tx: &TenantTx, tenant: &TenantId, trigger: Uuid, request: &str) -> Result<Option<Fire>, Error> {
    sql(concat!(
        "SELECT ",
        fire_columns!(),
        " FROM trigger_fires WHERE tenant = $1 AND trigger_id = $2 AND request_id = $3"
    ))
    .binds((tenant, trigger, request))
    .optional(tx)
    .await
}

/// What one has set off, newest first, before a place.
pub async fn fires(
    tx: &TenantTx,
    tenant: &TenantId,
    trigger: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Fire>, Error> {
    sql(concat!(
        "SELECT ",
        fire_columns!(),
        " FROM trigger_fires WHERE tenant = $1 AND trigger_id = $2 AND ($3::uuid IS NULL OR id < $3) \
         ORDER BY id DESC LIMIT $4"
    ))
    .binds((tenant, trigger, before, limit))
    .load(tx)
    .await
}

/// Forgets at most `most` of a tenant's fires older than the given instant. Returns how many.
pub async fn prune(tx: &TenantTx, tenant: &TenantId, before: Timestamp, most: i64) -> Result<usize, Error> {
    sql("DELETE FROM trigger_fires WHERE tenant = $1 AND id IN ( \
             SELECT id FROM trigger_fires WHERE tenant = $1 AND created_at < $2 ORDER BY created_at LIMIT $3)")
    .binds((tenant, before, most))
    .execute(tx)
    .await
}
