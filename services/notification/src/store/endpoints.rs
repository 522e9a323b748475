//! `webhook_endpoints`: where programs of a user are told.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx, sql};
use uuid::Uuid;

use crate::rules::webhook::{DisabledReason, EndpointStatus};

postrider_storage::row! {
    /// An endpoint.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Endpoint {
        pub id: Uuid,
        pub user_id: UserId,
        pub whole_tenant: bool,
        pub url: String,
        pub event_types: Vec<String>,
        pub account_ids: Option<Vec<Uuid>>,
        pub include_content: bool,
        pub status: EndpointStatus,
        pub disabled_reason: Option<DisabledReason>,
        pub disabled_at: Option<Timestamp>,
        pub failing_since: Option<Timestamp>,
        pub secret_sealed: String,
        pub old_secret_sealed: Option<String>,
        pub old_secret_until: Option<Timestamp>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }

    /// One that an event goes to.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Wanting {
        pub id: Uuid,
        pub status: EndpointStatus,
    }
}

macro_rules! columns {
    () => {
        "id, user_id, whole_tenant, url, event_types, account_ids, include_content, status, disabled_reason, disabled_at, \
         failing_since, secret_sealed, old_secret_sealed, old_secret_until, created_at, updated_at"
    };
}

/// Writes a new one.
pub async fn insert(tx: &TenantTx, tenant: &TenantId, new: &Endpoint) -> Result<(), Error> {
    sql("INSERT INTO webhook_endpoints (tenant, id, user_id, whole_tenant, url, event_types, account_ids, \
             include_content, secret_sealed, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)")
    .binds((tenant, new.id, &new.user_id, new.whole_tenant, &new.url, &new.event_types, &new.account_ids))
    .binds((new.include_content, &new.secret_sealed, new.created_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// One of a tenant's.
pub async fn find(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<Option<Endpoint>, Error> {
    sql(concat!("SELECT ", columns!(), " FROM webhook_endpoints WHERE tenant = $1 AND id = $2"))
        .binds((tenant, id))
        .optional(tx)
        .await
}

/// One of a user's, locked.
pub async fn lock(tx: &TenantTx, tenant: &TenantId, user: &UserId, id: Uuid) -> Result<Option<Endpoint>, Error> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM webhook_endpoints WHERE tenant = $1 AND user_id = $2 AND id = $3 FOR UPDATE"
    ))
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
) -> Result<Vec<Endpoint>, Error> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM webhook_endpoints WHERE tenant = $1 AND user_id = $2 AND ($3::uuid IS NULL OR id < $3) \
         ORDER BY id DESC LIMIT $4"
    ))
    .binds((tenant, user, before, limit))
    .load(tx)
    .await
}

/// Writes what was changed of one that is locked.
pub async fn update(tx: &TenantTx, tenant: &TenantId, one: &Endpoint) -> Result<(), Error> {
    sql("UPDATE webhook_endpoints SET url = $3, event_types = $4, account_ids = $5, include_content = $6, status = $7, \
             disabled_reason = $8, disabled_at = $9, failing_since = $10, secret_sealed = $11, old_secret_sealed = $12, \
             old_secret_until = $13, updated_at = $14 \
         WHERE tenant = $1 AND id = $2")
    .binds((tenant, one.id, &one.url, &one.event_types, &one.account_ids, one.include_content, one.status))
    .binds((one.disabled_reason, one.disabled_at, one.failing_since, &one.secret_sealed, &one.old_secret_sealed))
    .binds((one.old_secret_until, one.updated_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes one of a user's, with its deliveries. Whether it was there.
pub async fn delete(tx: &TenantTx, tenant: &TenantId, user: &UserId, id: Uuid) -> Result<bool, Error> {
    let gone = sql("DELETE FROM webhook_endpoints WHERE tenant = $1 AND user_id = $2 AND id = $3")
        .binds((tenant, user, id))
        .execute(tx)
        .await?;
    Ok(gone == 1)
}

/// Which endpoints an event of a user goes to. They are held as they are until the transaction ends: of one that is being
/// enabled this waits for the outcome, or its delivery would be kept for an endpoint that nobody enables any more.
pub async fn wanting(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    kind: &str,
    account: Option<Uuid>,
) -> Result<Vec<Wanting>, Error> {
    sql("SELECT id, status FROM webhook_endpoints \
         WHERE tenant = $1 AND (user_id = $2 OR whole_tenant) \
             AND (cardinality(event_types) = 0 OR $3 = ANY(event_types)) \
             AND (account_ids IS NULL OR $4::uuid IS NULL OR $4 = ANY(account_ids)) \
         ORDER BY id FOR KEY SHARE")
    .binds((tenant, user, kind, account))
    .load(tx)
    .await
}

/// Notes that something was accepted.
pub async fn works(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<(), Error> {
    sql("UPDATE webhook_endpoints SET failing_since = NULL \
         WHERE tenant = $1 AND id = $2 AND failing_since IS NOT NULL")
    .binds((tenant, id))
    .execute(tx)
    .await?;
    Ok(())
}

/// Notes that something was not accepted; the row stays locked, so that its deliveries change in one order.
pub async fn fails(tx: &TenantTx, tenant: &TenantId, id: Uuid, now: Timestamp) -> Result<(), Error> {
    sql("UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, $3) WHERE tenant = $1 AND id = $2")
        .binds((tenant, id, now))
        .execute(tx)
        .await?;
    Ok(())
}

/// Disables one that is enabled. Whether it was this call that did.
pub async fn disable(
    tx: &TenantTx,
    tenant: &TenantId,
    id: Uuid,
    reason: DisabledReason,
    now: Timestamp,
) -> Result<bool, Error> {
    let changed = sql("UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = $3, disabled_at = $4, \
             updated_at = $4 WHERE tenant = $1 AND id = $2 AND status = 'enabled'")
    .binds((tenant, id, reason, now))
    .execute(tx)
    .await?;
    Ok(changed == 1)
}
