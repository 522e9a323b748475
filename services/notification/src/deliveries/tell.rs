//! Telling an endpoint's owner that it is disabled.

use postrider_domain::{TenantId, Timestamp};
use postrider_storage::{Error, TenantTx};

use crate::actions::{Actions, Owner};
use crate::rules::trouble;
use crate::rules::webhook::DisabledReason;
use crate::store::endpoints::Endpoint;
use crate::store::preferences;

/// The owner before the endpoint: whoever tells locks the user first.
pub async fn lock(actions: &Actions, tx: &TenantTx, tenant: &TenantId, endpoint: &Endpoint) -> Result<(), Error> {
    actions.lock_user(tx, tenant, &endpoint.user_id).await
}

/// One `error_occurred`, unless its owner wants none.
pub async fn disabled(
    actions: &Actions,
    tx: &mut TenantTx,
    tenant: &TenantId,
    endpoint: &Endpoint,
    reason: DisabledReason,
    now: Timestamp,
) -> Result<(), Error> {
    let values = preferences::effective(tx, tenant, &endpoint.user_id, None).await?.preferences;
    if let Some(draft) = trouble::webhook_disabled(endpoint.id, &endpoint.url, reason, &values, now) {
        actions.raise(tx, Owner { tenant, user: &endpoint.user_id, trace: None }, None, draft).await?;
    }
    Ok(())
}
