//! Looks hourly whether each grant still works, by renewing its access token: a revoked grant is noticed although
//! nobody uses the account. A token that was renewed anyway puts the look off.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use postrider_domain::{ConnectorId, TenantId};

use crate::actions::tokens::lease::{Options, lease};
use crate::error::Error;
use crate::state::State;
use crate::store::connectors::{self, DueCheck};
use crate::store::credentials;

/// How often due rows are looked for.
pub const EVERY: Duration = Duration::from_secs(20);
const BATCH: i64 = 64;
const PARALLEL: usize = 4;
/// When to look again if this look fails for a reason that passes.
const AGAIN: TimeDelta = TimeDelta::minutes(5);

/// Looks at the grants that are due now. Returns how many.
pub async fn turn(state: &State) -> Result<usize, Error> {
    if state.google.is_none() {
        return Ok(0);
    }
    let now = state.seams.clock.now();
    let tx = state.db.system().await?;
    let due = connectors::claim_checks(&tx, now, now + AGAIN, BATCH).await?;
    tx.commit().await?;
    let count = due.len();
    futures_util::stream::iter(due)
        .for_each_concurrent(PARALLEL, |DueCheck { id, tenant }| async move {
            match look(state, &tenant, id).await {
                Ok(()) | Err(Error::ReauthRequired | Error::Disconnected | Error::NotFound) => {}
                Err(error) => tracing::info!(connector.id = %id, %error, "cannot check the grant of {id} now"),
            }
        })
        .await;
    Ok(count)
}

async fn look(state: &State, tenant: &TenantId, id: ConnectorId) -> Result<(), Error> {
    let tx = state.db.tenant(tenant).await?;
    let held = credentials::find(&tx, id).await?;
    tx.commit().await?;
    let Some(held) = held else { return Ok(()) };
    lease(state, tenant, id, Options { newer_than: Some(held.version), even_paused: true }).await?;
    Ok(())
}
