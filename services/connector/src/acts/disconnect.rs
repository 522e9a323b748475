//! Disconnecting: the connector ends at once; its grant and watch are given back only when no other live connector has
//! that Google account, because Google's stop and revoke act on the whole account.

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, UserId};
use postrider_storage::Tx;
use uuid::Uuid;

use super::connect::Owner;
use crate::error::Error;
use crate::events::{self, Change, WatchChange};
use crate::rules::status::Status;
use crate::state::State;
use crate::store::connectors::{self, Connector};
use crate::store::watches::{self, WatchNow};
use crate::store::{credentials, google_accounts, grant_endings, members, watch_due};

/// Ends an owner's connector; again is harmless. With `erase` its mirror is to be removed, also if it had ended before;
/// answers the id of that work.
pub async fn disconnect(
    state: &State,
    owner: &Owner,
    id: ConnectorId,
    erase: bool,
    trace: Option<TraceContext>,
) -> Result<Option<Uuid>, Error> {
    let mut tx = state.db.tenant(&owner.tenant).await?;
    let seen = connectors::find(&mut tx, &owner.user, id).await?.ok_or(Error::NotFound)?;
    tx.enter_system().await?;
    google_accounts::lock_address(&mut tx, &seen.address_key).await?;
    tx.enter_tenant(&owner.tenant).await?;
    let row = lock_own(&mut tx, &owner.user, id).await?;
    let run = match (erase, row.erase_run_id) {
        (true, None) => Some(state.seams.ids.uuid()),
        (_, asked_before) => asked_before,
    };
    let changed = row.status != Status::Disconnected || run != row.erase_run_id;
    if changed {
        end(&mut tx, state, row, run, trace).await?;
        tx.commit().await?;
        state.wake.endings.notify_one();
        state.wake.watches.notify_one();
    }
    Ok(run.filter(|_| erase))
}

async fn lock_own(tx: &mut Tx, owner: &UserId, id: ConnectorId) -> Result<Connector, Error> {
    let row = connectors::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if row.owner == *owner { Ok(row) } else { Err(Error::NotFound) }
}

async fn end(
    tx: &mut Tx,
    state: &State,
    row: Connector,
    run: Option<Uuid>,
    trace: Option<TraceContext>,
) -> Result<(), Error> {
    let ended_before = row.status == Status::Disconnected;
    let now = state.seams.clock.now();
    let row = Connector {
        status: Status::Disconnected,
        status_reason: String::new(),
        version: row.version + 1,
        erase_run_id: run,
        check_due_at: None,
        updated_at: now,
        ..row
    };
    connectors::save(tx, &row).await?;
    if !ended_before {
        let refresh_sealed = credentials::find(tx, row.id).await?.and_then(|held| held.refresh_sealed);
        credentials::clear(tx, row.id).await?;
        tx.enter_system().await?;
        give_back(tx, state, &row, refresh_sealed).await?;
        tx.enter_tenant(&row.tenant).await?;
        stop_share(tx, state, &row, trace).await?;
    }
    events::connector(tx, &state.seams, &row, Change::Disconnected, trace).await?;
    Ok(())
}

/// Decides, under the address's lock, whether this was the last one out.
async fn give_back(tx: &mut Tx, state: &State, row: &Connector, refresh_sealed: Option<String>) -> Result<(), Error> {
    let now = state.seams.clock.now();
    let account = google_accounts::lock(tx, row.account_id).await?;
    let live = members::live(tx, &account).await?;
    if live.is_empty() {
        if let Some(refresh_sealed) = refresh_sealed {
            let stop = account.watch_wanted || account.watch_expires_at.is_some();
            grant_endings::insert(tx, state.seams.ids.uuid(), account.id, &refresh_sealed, stop, now).await?;
        }
        watch_due::unwant(tx, account.id, None).await?;
    } else if !live.iter().any(|member| member.watched) {
        watch_due::unwant(tx, account.id, Some(now)).await?;
    }
    Ok(())
}

async fn stop_share(tx: &mut Tx, state: &State, row: &Connector, trace: Option<TraceContext>) -> Result<(), Error> {
    let Some(watch) = watches::lock(tx, row.id).await?.filter(|watch| watch.state != "stopped") else {
        return Ok(());
    };
    let stopped =
        WatchNow { watch_type: &watch.watch_type, state: "stopped", history_id: watch.history_id, expires_at: None };
    let watch = watches::set(tx, watch.id, &row.tenant, row.id, stopped).await?;
    events::watch(tx, &state.seams, row, &watch, WatchChange::Stopped, trace).await?;
    Ok(())
}
