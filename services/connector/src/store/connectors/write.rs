//! Changes of connectors.

use postrider_domain::{ConnectorId, TenantId, Timestamp};
use postrider_storage::{Error, SystemTx, TenantTx, Tx, row, sql};

use super::Connector;

/// Stores a new connector.
pub async fn insert(tx: &TenantTx, new: &Connector) -> Result<(), Error> {
    sql(
        "INSERT INTO connectors (id, tenant, owner, google_sub, account_id, display_name, email_address, address_key, \
            status, status_reason, granted_scopes, settings, version, check_due_at, created_at, updated_at, was_paused) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .binds((new.id, &new.tenant, &new.owner, &new.google_sub, new.account_id))
    .binds((&new.display_name, &new.email_address, &new.address_key))
    .binds((new.status, &new.status_reason, &new.granted_scopes, &new.settings, new.version))
    .binds((new.check_due_at, new.created_at, new.updated_at, new.was_paused))
    .execute(tx)
    .await?;
    Ok(())
}

/// Stores a changed connector whose version was moved on by one; [`Error::NotFound`] if somebody else moved it first.
pub async fn save(tx: &TenantTx, changed: &Connector) -> Result<(), Error> {
    let touched =
        sql("UPDATE connectors SET google_sub = $3, account_id = $4, display_name = $5, email_address = $6, \
            address_key = $7, status = $8, status_reason = $9, granted_scopes = $10, settings = $11, \
            version = $2, erase_run_id = $12, check_due_at = $13, updated_at = $14, was_paused = $15 \
         WHERE id = $1 AND version = $2 - 1")
        .binds((changed.id, changed.version, &changed.google_sub, changed.account_id))
        .binds((&changed.display_name, &changed.email_address, &changed.address_key))
        .binds((changed.status, &changed.status_reason, &changed.granted_scopes, &changed.settings))
        .binds((changed.erase_run_id, changed.check_due_at, changed.updated_at, changed.was_paused))
        .execute(tx)
        .await?;
    if touched == 1 { Ok(()) } else { Err(Error::NotFound) }
}

/// When to look at the grant next; no version moves, nobody is told.
pub async fn mark_check_due(tx: &Tx, id: ConnectorId, due: Timestamp) -> Result<(), Error> {
    sql("UPDATE connectors SET check_due_at = $2 WHERE id = $1").binds((id, due)).execute(tx).await?;
    Ok(())
}

row! {
    /// A connector whose grant is to be looked at.
    #[derive(Debug)]
    pub struct DueCheck {
        pub id: ConnectorId,
        pub tenant: TenantId,
    }
}

/// Takes connectors whose grant is due for a look, pushing them to `next` so that other replicas leave them alone.
pub async fn claim_checks(tx: &SystemTx, now: Timestamp, next: Timestamp, limit: i64) -> Result<Vec<DueCheck>, Error> {
    sql("UPDATE connectors SET check_due_at = $2 \
         WHERE id IN (SELECT id FROM connectors WHERE check_due_at <= $1 AND status IN ('active', 'paused') \
                      ORDER BY check_due_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
         RETURNING id, tenant")
    .binds((now, next, limit))
    .load(tx)
    .await
}
