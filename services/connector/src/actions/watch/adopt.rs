//! A connector that was connected before the installation had its topic gets its share in Google's watch, and a watch on
//! another topic is moved to it.

use postrider_domain::{WatchId, WatchState};

use crate::error::Error;
use crate::state::State;
use crate::store::connectors::members::Member;
use crate::store::google_accounts::{self, watch};
use crate::store::{connectors, watches};

/// Asks for the share, unless it has been ended meanwhile: what its owner stopped stays stopped. The watch's job does the
/// rest.
pub async fn adopt(state: &State, member: &Member, topic: &str) -> Result<(), Error> {
    let tx = state.db.system().await?;
    google_accounts::lock(&tx, member.account).await?;

    let tx = tx.into_tenant(&member.tenant).await?;
    let row = connectors::lock(&tx, member.connector).await?.ok_or(Error::NotFound)?;
    let stopped = watches::lock(&tx, row.id).await?.is_some_and(|watch| watch.state == WatchState::Stopped);
    if stopped || !row.status.is_live() || row.account_id != member.account {
        return Ok(());
    }
    watches::want_push(&tx, WatchId(state.seams.ids.uuid()), &row.tenant, row.id).await?;

    let tx = tx.into_system().await?;
    watch::want(&tx, member.account, topic, state.seams.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}
