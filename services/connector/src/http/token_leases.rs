//! Access tokens for sync-worker.

pub mod create;

use postrider_domain::{ConnectorId, TenantId};
use postrider_web::ServiceCaller;

use crate::error::Error;
use crate::state::State;
use crate::store::connectors::members;

/// The only service that gets tokens, and that sees what Gmail says to them.
pub const CALLER: &str = "sync-worker";

/// The tenant a call is for: the caller's, or the connector's where the service acts for itself.
pub async fn tenant_of(state: &State, caller: &ServiceCaller, connector: ConnectorId) -> Result<TenantId, Error> {
    if let Some(tenant) = &caller.tenant {
        return Ok(tenant.clone());
    }
    let tx = state.db.system().await?;
    let tenant = members::tenant_of(&tx, connector).await?;
    tx.commit().await?;
    tenant.ok_or(Error::NotFound)
}
