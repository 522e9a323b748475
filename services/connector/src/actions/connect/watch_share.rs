//! The share in its account's watch that comes with a consent, or goes on with one.

use postrider_domain::{AccountStatus, Timestamp, WatchId, WatchState, WatchType};
use postrider_storage::TenantTx;

use crate::error::Error;
use crate::state::State;
use crate::store::connectors::Connector;
use crate::store::google_accounts::Account;
use crate::store::watches::{self, Watch, WatchNow};

/// What the connector has in watches from now on.
#[derive(Default)]
pub(super) struct Share {
    /// It has started: to be told now.
    pub told: Option<Watch>,
    /// It has a share in Google's watch on this topic: the account's watch is wanted.
    pub topic: Option<String>,
}

/// Gives the connector its share, where the installation has a topic; without one a share goes on that ended with the
/// lost grant. What its owner stopped stays stopped, unless the connector itself had been ended (`before`). Where Google
/// watches the account already, for another connector of it, the share is active at once: nobody asks Google before the
/// next daily renewal.
pub(super) async fn join(
    tx: &TenantTx,
    state: &State,
    account: &Account,
    row: &Connector,
    before: Option<AccountStatus>,
) -> Result<Share, Error> {
    let anew = before.is_none_or(|status| status == AccountStatus::Disconnected);
    let held = watches::lock(tx, row.id).await?.filter(|watch| !(anew && watch.state == WatchState::Stopped));
    if held.as_ref().is_some_and(|watch| watch.state == WatchState::Stopped) {
        return Ok(Share::default());
    }
    let own = state.settings.pubsub_topic.as_ref();
    let topic = match &held {
        // Started by its owner on a topic of their own.
        Some(watch) if watch.watch_type == WatchType::Push => own.or(account.watch_topic.as_ref()),
        _ => own,
    };
    match topic {
        Some(topic) => push(tx, state, account, row, held, topic).await,
        None => polling(tx, state, row, held).await,
    }
}

async fn push(
    tx: &TenantTx,
    state: &State,
    account: &Account,
    row: &Connector,
    held: Option<Watch>,
    topic: &str,
) -> Result<Share, Error> {
    let new_id = WatchId(state.seams.ids.uuid());
    let mut share = Share { told: None, topic: Some(topic.to_owned()) };
    let active = |watch: &Watch| watch.watch_type == WatchType::Push && watch.state == WatchState::Active;
    match running(account, topic, state.seams.clock.now()) {
        Some(_) if held.as_ref().is_some_and(active) => {}
        Some(running) => share.told = Some(watches::set(tx, new_id, &row.tenant, row.id, running).await?),
        None => watches::want_push(tx, new_id, &row.tenant, row.id).await?,
    }
    Ok(share)
}

/// A polling watch that ended with the grant goes on where it was.
async fn polling(tx: &TenantTx, state: &State, row: &Connector, held: Option<Watch>) -> Result<Share, Error> {
    let lapsed = |watch: &Watch| watch.watch_type == WatchType::Polling && watch.state == WatchState::Lapsed;
    let Some(held) = held.filter(lapsed) else { return Ok(Share::default()) };
    let again = WatchNow {
        watch_type: WatchType::Polling,
        state: WatchState::Active,
        history_id: held.history_id,
        expires_at: None,
        silent: false,
    };
    let told = watches::set(tx, WatchId(state.seams.ids.uuid()), &row.tenant, row.id, again).await?;
    Ok(Share { told: Some(told), topic: None })
}

/// What a share in the account's watch is, if Google watches the account on this topic and is to go on with it.
fn running(account: &Account, topic: &str, now: Timestamp) -> Option<WatchNow> {
    let here = account.watch_wanted && account.watch_topic.as_deref() == Some(topic);
    account.watch_expires_at.filter(|end| here && *end > now).map(|_runs| WatchNow::running(account))
}
