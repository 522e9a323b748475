//! `trigger_checks`: mails that are all a trigger wants but for their text.

use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::due::CLAIM_SECONDS;
use postrider_storage::{Error, SystemTx, TenantTx, claim_due, sql};
use uuid::Uuid;

postrider_storage::row! {
    /// One that is due, claimed.
    #[derive(Debug, Clone)]
    pub struct Due {
        pub tenant: TenantId,
        pub id: Uuid,
    }

    /// A mail that is to be looked into.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Check {
        pub id: Uuid,
        pub user_id: UserId,
        pub trigger_id: Uuid,
        pub account_id: ConnectorId,
        pub message_id: String,
        pub email_id: String,
        pub feed_seq: Option<i64>,
        pub attempts: i32,
        pub created_at: Timestamp,
    }
}

/// Writes one, due at once; a mail is looked into once for each trigger.
pub async fn insert(tx: &TenantTx, tenant: &TenantId, new: &Check) -> Result<(), Error> {
    sql("INSERT INTO trigger_checks (tenant, id, user_id, trigger_id, account_id, message_id, email_id, feed_seq, due_at, \
             created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT ON CONSTRAINT trigger_checks_once DO NOTHING")
    .binds((tenant, new.id, &new.user_id, new.trigger_id, new.account_id, &new.message_id, &new.email_id))
    .binds((new.feed_seq, new.created_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Claims what is due.
pub async fn claim(tx: &SystemTx, now: Timestamp, limit: i64) -> Result<Vec<Due>, Error> {
    sql(claim_due!(
        table "trigger_checks",
        of "id",
        due "due_at",
        claimed "claimed_until",
        returning "tenant, id"
    ))
    .binds((now, limit, CLAIM_SECONDS))
    .load(tx)
    .await
}

/// One of a tenant's.
pub async fn find(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<Option<Check>, Error> {
    sql("SELECT id, user_id, trigger_id, account_id, message_id, email_id, feed_seq, attempts, created_at \
         FROM trigger_checks WHERE tenant = $1 AND id = $2")
    .binds((tenant, id))
    .optional(tx)
    .await
}

/// Looked into, or nothing to look into any more.
pub async fn delete(tx: &TenantTx, tenant: &TenantId, id: Uuid) -> Result<bool, Error> {
    let gone = sql("DELETE FROM trigger_checks WHERE tenant = $1 AND id = $2").binds((tenant, id)).execute(tx).await?;
    Ok(gone == 1)
}

/// Forgets what was to be looked into for a trigger: it wants something else now.
pub async fn forget_of(tx: &TenantTx, tenant: &TenantId, trigger: Uuid) -> Result<(), Error> {
    sql("DELETE FROM trigger_checks WHERE tenant = $1 AND trigger_id = $2")
        .binds((tenant, trigger))
        .execute(tx)
        .await?;
    Ok(())
}

/// Could not be looked into now.
pub async fn put_off(tx: &TenantTx, tenant: &TenantId, id: Uuid, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE trigger_checks SET due_at = $3, attempts = attempts + 1, claimed_until = NULL \
         WHERE tenant = $1 AND id = $2")
    .binds((tenant, id, due))
    .execute(tx)
    .await?;
    Ok(())
}
