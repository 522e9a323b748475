//! A grant that is gone or too small: the connector stops acting until its owner consents again.

use postrider_domain::{ConnectorId, TenantId};
use postrider_storage::Tx;

use crate::error::Error;
use crate::events::{self, Change, WatchChange};
use crate::rules::status::Status;
use crate::state::State;
use crate::store::connectors::{self, Connector};
use crate::store::watches::{self, WatchNow};
use crate::store::{credentials, google_accounts, members, watch_due};

/// Google refused the refresh token. A revoke, a changed password, six idle months and an administrator's policy all
/// look the same.
pub const INVALID_GRANT: &str = "invalid_grant";
/// The grant lives and no longer covers reading.
pub const SCOPE_MISSING: &str = "scope_missing";

/// Marks the connector, if its credential is still the one `version` names: a consent that came in between wins.
pub async fn require_consent(
    state: &State,
    tenant: &TenantId,
    id: ConnectorId,
    version: i64,
    reason: &'static str,
) -> Result<(), Error> {
    let mut tx = state.db.tenant(tenant).await?;
    let row = connectors::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    let keep_refresh = reason == SCOPE_MISSING;
    if !row.status.is_live() || !credentials::mark_dead(&mut tx, id, version, keep_refresh).await? {
        return Ok(());
    }
    let row = Connector {
        status: Status::ReauthRequired,
        status_reason: reason.to_owned(),
        version: row.version + 1,
        check_due_at: None,
        updated_at: state.seams.clock.now(),
        ..row
    };
    connectors::save(&mut tx, &row).await?;
    tx.enter_system().await?;
    let account = google_accounts::lock(&mut tx, row.account_id).await?;
    if !members::live(&mut tx, &account).await?.iter().any(|member| member.watched) {
        // Without a grant there is nobody to renew or stop the watch with; Google ends it.
        watch_due::unwant(&mut tx, account.id, None).await?;
        watch_due::mark_ended(&mut tx, account.id, None).await?;
    }
    tx.enter_tenant(tenant).await?;
    lapse_share(&mut tx, state, &row).await?;
    events::connector(&mut tx, &state.seams, &row, Change::ReauthRequired, None).await?;
    tx.commit().await?;
    crate::observe::reauth_required(state, id, reason);
    Ok(())
}

async fn lapse_share(tx: &mut Tx, state: &State, row: &Connector) -> Result<(), Error> {
    let running = |state: &str| state == "active" || state == "pending";
    let Some(watch) = watches::lock(tx, row.id).await?.filter(|watch| running(&watch.state)) else {
        return Ok(());
    };
    let was_told = watch.state == "active";
    let lapsed =
        WatchNow { watch_type: &watch.watch_type, state: "lapsed", history_id: watch.history_id, expires_at: None };
    let watch = watches::set(tx, watch.id, &row.tenant, row.id, lapsed).await?;
    if was_told {
        events::watch(tx, &state.seams, row, &watch, WatchChange::Lapsed, None).await?;
    }
    Ok(())
}
