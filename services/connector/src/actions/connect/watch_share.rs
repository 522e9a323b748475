//! The share in Google's push watch that comes with a consent.

use postrider_domain::{Timestamp, WatchId, WatchState, WatchType};
use postrider_storage::TenantTx;

use crate::error::Error;
use crate::state::State;
use crate::store::connectors::Connector;
use crate::store::google_accounts::Account;
use crate::store::watches::{self, Watch, WatchNow};

/// Gives the connector its share, where the installation has a topic. Where Google watches the account already, for
/// another connector of it, the share is active at once: nobody asks Google before the next daily renewal. Returns the
/// watch if it is to be told now.
pub(super) async fn join(
    tx: &TenantTx,
    state: &State,
    account: &Account,
    row: &Connector,
) -> Result<Option<Watch>, Error> {
    let Some(topic) = &state.settings.pubsub_topic else { return Ok(None) };
    let new_id = WatchId(state.seams.ids.uuid());
    let Some(running) = running(account, topic, state.seams.clock.now()) else {
        watches::want_push(tx, new_id, &row.tenant, row.id).await?;
        return Ok(None);
    };
    let before = watches::lock(tx, row.id).await?;
    if before.is_some_and(|watch| watch.watch_type == WatchType::Push && watch.state == WatchState::Active) {
        return Ok(None);
    }
    Ok(Some(watches::set(tx, new_id, &row.tenant, row.id, running).await?))
}

/// What a share in the account's watch is, if Google watches the account on this topic and is to go on with it.
fn running(account: &Account, topic: &str, now: Timestamp) -> Option<WatchNow> {
    let here = account.watch_wanted && account.watch_topic.as_deref() == Some(topic);
    let expires_at = account.watch_expires_at.filter(|end| here && *end > now)?;
    Some(WatchNow {
        watch_type: WatchType::Push,
        state: WatchState::Active,
        history_id: account.watch_history_id.unwrap_or_default(),
        expires_at: Some(expires_at),
    })
}
