//! An owner ends the share of a connector; Google's watch ends with the last share.

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, WatchState};
use postrider_storage::SystemTx;

use crate::actions::{Owner, select};
use crate::error::Error;
use crate::events::{self, WatchChange};
use crate::state::State;
use crate::store::connectors::{self, members};
use crate::store::google_accounts::{self, Account, watch};
use crate::store::watches;

/// Ends the share of the connector meant; nothing to stop is fine too.
pub async fn stop(
    state: &State,
    owner: &Owner,
    named: Option<ConnectorId>,
    trace: Option<TraceContext>,
) -> Result<(), Error> {
    let Some(seen) = select::meant(state, owner, named).await? else { return Ok(()) };
    let tx = state.db.system().await?;
    let account = google_accounts::lock(&tx, seen.account_id).await?;

    let mut tx = tx.into_tenant(&seen.tenant).await?;
    let row = connectors::get(&tx, seen.id).await?.ok_or(Error::NotFound)?;
    let Some(watch) = watches::lock(&tx, row.id).await?.filter(|watch| watch.state != WatchState::Stopped) else {
        return Ok(());
    };
    let watch = watches::set(&tx, watch.id, &row.tenant, row.id, watch.ended(WatchState::Stopped)).await?;
    events::watch(&mut tx, &state.seams, &row, &watch, WatchChange::Stopped, trace).await?;

    let tx = tx.into_system().await?;
    stop_unwanted(&tx, state, &account).await?;
    tx.commit().await?;
    state.wake.watches.notify_one();
    Ok(())
}

/// Google's watch ends once no live connector has a share in it.
pub(super) async fn stop_unwanted(tx: &SystemTx, state: &State, account: &Account) -> Result<(), Error> {
    if !members::live(tx, account).await?.iter().any(|member| member.watched) {
        watch::unwant(tx, account.id, Some(state.seams.clock.now())).await?;
    }
    Ok(())
}
