//! A grant that is gone or too small: the connector stops acting until its owner consents again.

use postrider_domain::{AccountStatus, ReauthReason, WatchState};
use postrider_storage::{SystemTx, TenantTx};

use crate::error::Error;
use crate::events::{self, Change, WatchChange};
use crate::observe;
use crate::state::State;
use crate::store::connectors::{self, Connector, members};
use crate::store::google_accounts::{self, watch};
use crate::store::{credentials, watches};

/// Marks the connector that was seen, if its credential is still the one `version` names: a consent that came in between
/// wins. Returns whether it did.
pub async fn require_consent(
    state: &State,
    seen: &Connector,
    version: i64,
    reason: ReauthReason,
) -> Result<bool, Error> {
    let tx = state.db.system().await?;
    leave_watch(&tx, seen).await?;

    let mut tx = tx.into_tenant(&seen.tenant).await?;
    let row = connectors::lock(&tx, seen.id).await?.ok_or(Error::NotFound)?;
    // A token that is good, or good for another client, is still needed to give the grant back.
    let keep_refresh = reason != ReauthReason::InvalidGrant;
    if !row.status.is_live() || !credentials::mark_dead(&tx, row.id, version, keep_refresh).await? {
        // Dropped with what was done to the account.
        return Ok(false);
    }
    let row = Connector {
        status: AccountStatus::ReauthRequired,
        was_paused: row.status == AccountStatus::Paused,
        status_reason: reason.to_string(),
        version: row.version + 1,
        check_due_at: None,
        updated_at: state.seams.clock.now(),
        ..row
    };
    connectors::save(&tx, &row).await?;
    lapse_share(&mut tx, state, &row).await?;
    events::connector(&mut tx, &state.seams, &row, Change::ReauthRequired, None).await?;
    tx.commit().await?;
    observe::reauth_required(&state.metrics, row.id, reason);
    Ok(true)
}

/// Without a grant there is nobody to renew or stop the account's watch with, unless others share it; Google ends it.
async fn leave_watch(tx: &SystemTx, seen: &Connector) -> Result<(), Error> {
    let account = google_accounts::lock(tx, seen.account_id).await?;
    let live = members::live(tx, &account).await?;
    if !live.iter().any(|member| member.watched && member.connector != seen.id) {
        watch::unwant(tx, account.id, None).await?;
        watch::mark_ended(tx, account.id, None).await?;
    }
    Ok(())
}

async fn lapse_share(tx: &mut TenantTx, state: &State, row: &Connector) -> Result<(), Error> {
    let Some(watch) = watches::lock(tx, row.id).await? else { return Ok(()) };
    let told = match watch.state {
        WatchState::Active => true,
        WatchState::Pending => false,
        WatchState::Lapsed | WatchState::Stopped => return Ok(()),
    };
    let lapsed = watches::set(tx, watch.id, &row.tenant, row.id, watch.ended(WatchState::Lapsed)).await?;
    if told {
        events::watch(tx, &state.seams, row, &lapsed, WatchChange::Lapsed, None).await?;
    }
    Ok(())
}
