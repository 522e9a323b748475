//! The Google account a grant belongs to, in the control tables: locked, and taken back from being ended.

use postrider_storage::SystemTx;

use crate::error::Error;
use crate::rules::identity::Identity;
use crate::state::{Google, State};
use crate::store::connectors::{Connector, members};
use crate::store::google_accounts::{self, Account, watch};
use crate::store::{google_apps, grant_endings};

/// The account the connector belongs to from now on.
pub(super) async fn settle(
    tx: &SystemTx,
    state: &State,
    google: &Google,
    found: Option<&Connector>,
    who: &Identity,
) -> Result<Account, Error> {
    let account = match found.filter(|_| who.by_address) {
        Some(known) => google_accounts::lock(tx, known.account_id).await?,
        None => {
            let app = google_apps::ensure(tx, state.seams.ids.uuid(), &google.client_id).await?;
            google_accounts::upsert(tx, state.seams.ids.uuid(), app, who).await?
        }
    };
    grant_endings::cancel(tx, account.id).await?;
    if let Some(moved) = found.filter(|row| row.account_id != account.id) {
        leave(tx, moved).await?;
    }
    Ok(account)
}

/// The same account under its stand-in: Google's watch goes on under the real name.
async fn leave(tx: &SystemTx, moved: &Connector) -> Result<(), Error> {
    let old = google_accounts::lock(tx, moved.account_id).await?;
    grant_endings::cancel(tx, old.id).await?;
    if members::live_besides(tx, &old, moved.id).await? == 0 {
        watch::unwant(tx, old.id, None).await?;
        watch::mark_ended(tx, old.id, None).await?;
    }
    Ok(())
}
