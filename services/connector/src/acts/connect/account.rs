//! Which connector and which Google account a grant belongs to.

use postrider_storage::Tx;

use super::Owner;
use crate::error::Error;
use crate::rules::identity::{self, Identity};
use crate::state::{Google, State};
use crate::store::connectors::{self, Connector};
use crate::store::google_accounts::{self, Account};
use crate::store::{google_apps, grant_endings, members, watch_due};

/// The owner's connector of that account: by `sub`; else the one known by this address only. A grant that names no
/// `sub` belongs to whatever the owner connected under its address.
pub(super) async fn find(tx: &mut Tx, owner: &Owner, who: &Identity) -> Result<Option<Connector>, Error> {
    if let Some(found) = connectors::lock_by_sub(tx, &owner.user, who.sub.as_str()).await? {
        return Ok(Some(found));
    }
    if who.by_address {
        return Ok(connectors::lock_by_address(tx, &owner.user, &who.address.lookup_key()).await?);
    }
    match identity::by_address(&who.address) {
        Ok(stand_in) => Ok(connectors::lock_by_sub(tx, &owner.user, stand_in.as_str()).await?),
        Err(_too_long) => Ok(None),
    }
}

/// The Google account the connector belongs to from now on. Leaves the transaction in the system role.
pub(super) async fn account(
    tx: &mut Tx,
    state: &State,
    google: &Google,
    found: Option<&Connector>,
    who: &Identity,
) -> Result<Account, Error> {
    tx.enter_system().await?;
    if let Some(known) = found.filter(|_| who.by_address) {
        let account = google_accounts::lock(tx, known.account_id).await?;
        grant_endings::cancel(tx, account.id).await?;
        return Ok(account);
    }
    let app = google_apps::ensure(tx, state.seams.ids.uuid(), &google.client_id).await?;
    let account = google_accounts::upsert(tx, state.seams.ids.uuid(), app, who).await?;
    grant_endings::cancel(tx, account.id).await?;
    if let Some(moved) = found.filter(|row| row.account_id != account.id) {
        // The same account under its stand-in: Google's watch goes on under the real name.
        grant_endings::cancel(tx, moved.account_id).await?;
        let old = google_accounts::lock(tx, moved.account_id).await?;
        if members::live_besides(tx, &old, moved.id).await? == 0 {
            watch_due::unwant(tx, old.id, None).await?;
            watch_due::mark_ended(tx, old.id, None).await?;
        }
    }
    Ok(account)
}
