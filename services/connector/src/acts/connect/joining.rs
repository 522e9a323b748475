//! The share in Google's push watch that comes with a consent.

use postrider_domain::Timestamp;
use postrider_storage::Tx;

use crate::error::Error;
use crate::state::State;
use crate::store::connectors::Connector;
use crate::store::google_accounts::Account;
use crate::store::watch_due;
use crate::store::watches::{self, Watch, WatchNow};

/// Gives the connector its share. Where Google watches the account already, for another connector of it, the share is
/// active at once: nobody asks Google before the next daily renewal. Answers the watch if it is to be told now. Begins
/// and leaves in the tenant's role.
pub(super) async fn join(
    tx: &mut Tx,
    state: &State,
    account: &Account,
    row: &Connector,
    topic: &str,
) -> Result<Option<Watch>, Error> {
    let now = state.seams.clock.now();
    tx.enter_system().await?;
    watch_due::want(tx, account.id, topic, now).await?;
    tx.enter_tenant(&row.tenant).await?;
    let Some(running) = running(account, topic, now) else {
        watches::want_push(tx, state.seams.ids.uuid(), &row.tenant, row.id).await?;
        return Ok(None);
    };
    let before = watches::lock(tx, row.id).await?;
    if before.is_some_and(|watch| watch.watch_type == "push" && watch.state == "active") {
        return Ok(None);
    }
    Ok(Some(watches::set(tx, state.seams.ids.uuid(), &row.tenant, row.id, running).await?))
}

/// What a share in the account's watch is, if Google watches the account on this topic and is to go on with it.
fn running(account: &Account, topic: &str, now: Timestamp) -> Option<WatchNow<'static>> {
    let here = account.watch_wanted && account.watch_topic.as_deref() == Some(topic);
    let expires_at = account.watch_expires_at.filter(|end| here && *end > now)?;
    let history_id = account.watch_history_id.unwrap_or(0);
    Some(WatchNow { watch_type: "push", state: "active", history_id, expires_at: Some(expires_at) })
}
