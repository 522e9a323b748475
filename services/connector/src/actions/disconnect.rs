//! Disconnecting: the connector ends at once; its grant and watch are given back only when no other live connector has
//! that Google account, because Google's stop and revoke act on the whole account.

use postrider_contracts::TraceContext;
use postrider_domain::{AccountStatus, ConnectorId, WatchState};
use postrider_storage::{SystemTx, TenantTx};
use uuid::Uuid;

use super::Owner;
use crate::error::Error;
use crate::events::{self, Change, WatchChange};
use crate::rules::identity;
use crate::state::State;
use crate::store::connectors::{self, Connector, members};
use crate::store::google_accounts::{self, Account, watch};
use crate::store::{connect_links, credentials, grant_endings, watches};

/// The name an erased connector keeps: its own may be the address.
const ERASED_NAME: &str = "Erased account";

/// Ends an owner's connector; again is harmless. With `erase` its mirror is to be removed, also if it had ended before;
/// returns the id of that work. Its address, `sub` and secrets leave its row with that.
pub async fn disconnect(
    state: &State,
    owner: &Owner,
    id: ConnectorId,
    erase: bool,
    trace: Option<TraceContext>,
) -> Result<Option<Uuid>, Error> {
    let tx = state.db.tenant(&owner.tenant).await?;
    let seen = connectors::find(&tx, &owner.user, id).await?.ok_or(Error::NotFound)?;
    google_accounts::lock_address(&tx, &seen.address_key).await?;

    let (tx, account) = tx.into_system_with(async |tx| google_accounts::lock(tx, seen.account_id).await).await?;

    let mut tx = tx.into_tenant(&owner.tenant).await?;
    let row = connectors::lock(&tx, id).await?.ok_or(Error::NotFound)?;
    if row.account_id != account.id {
        // Another connect moved it to the account's real name in between.
        return Err(Error::Busy);
    }
    let run = match (erase, row.erase_run_id) {
        (true, None) => Some(state.seams.ids.uuid()),
        (_, asked_before) => asked_before,
    };
    let asked = run.filter(|_| erase);
    let ended_before = row.status == AccountStatus::Disconnected;
    if ended_before && run == row.erase_run_id {
        return Ok(asked);
    }
    if run.is_some() {
        connect_links::forget(&tx, id, &row.owner, &row.address_key, state.seams.clock.now()).await?;
    }
    let row = store_end(&tx, state, row, run).await?;
    if ended_before {
        events::connector(&mut tx, &state.seams, &row, Change::Disconnected, trace).await?;
        tx.commit().await?;
    } else {
        let refresh_sealed = credentials::clear(&tx, id).await?;
        stop_share(&mut tx, state, &row, trace).await?;
        events::connector(&mut tx, &state.seams, &row, Change::Disconnected, trace).await?;
        let tx = tx.into_system().await?;
        give_back(&tx, state, &account, refresh_sealed).await?;
        tx.commit().await?;
    }
    state.wake.endings.notify_one();
    state.wake.watches.notify_one();
    Ok(asked)
}

async fn store_end(tx: &TenantTx, state: &State, row: Connector, run: Option<Uuid>) -> Result<Connector, Error> {
    let row = Connector {
        status: AccountStatus::Disconnected,
        status_reason: String::new(),
        was_paused: false,
        version: row.version + 1,
        check_due_at: None,
        updated_at: state.seams.clock.now(),
        ..row
    };
    let row = match run {
        Some(run) => erased(row, run)?,
        None => row,
    };
    connectors::save(tx, &row).await?;
    Ok(row)
}

/// The row without whatever says whose mailbox it was; nothing finds it by account or address any more.
fn erased(row: Connector, run: Uuid) -> Result<Connector, Error> {
    let google_sub = identity::erased(row.id).map_err(|error| postrider_storage::Error::Other(error.to_string()))?;
    Ok(Connector {
        google_sub,
        display_name: ERASED_NAME.to_owned(),
        email_address: String::new(),
        address_key: String::new(),
        erase_run_id: Some(run),
        ..row
    })
}

async fn stop_share(
    tx: &mut TenantTx,
    state: &State,
    row: &Connector,
    trace: Option<TraceContext>,
) -> Result<(), Error> {
    let Some(watch) = watches::lock(tx, row.id).await?.filter(|watch| watch.state != WatchState::Stopped) else {
        return Ok(());
    };
    let stopped = watch.ended(WatchState::Stopped);
    let watch = watches::set(tx, watch.id, &row.tenant, row.id, stopped).await?;
    events::watch(tx, &state.seams, row, &watch, WatchChange::Stopped, trace).await?;
    Ok(())
}

/// Decides, under the locks of address and account, whether this was the last one out.
async fn give_back(
    tx: &SystemTx,
    state: &State,
    account: &Account,
    refresh_sealed: Option<String>,
) -> Result<(), Error> {
    let now = state.seams.clock.now();
    let live = members::live(tx, account).await?;
    if live.is_empty() {
        if let Some(refresh_sealed) = refresh_sealed {
            let stop_watch = account.watch_wanted || account.watch_expires_at.is_some();
            grant_endings::insert(tx, state.seams.ids.uuid(), account.id, &refresh_sealed, stop_watch, now).await?;
        }
        watch::unwant(tx, account.id, None).await?;
    } else if !live.iter().any(|member| member.watched) {
        watch::unwant(tx, account.id, Some(now)).await?;
    }
    Ok(())
}
