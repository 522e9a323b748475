//! The consent that was begun by a link: only the link's account may end it. Another account's grant is given back.

use postrider_domain::TenantId;
use postrider_storage::TenantTx;
use uuid::Uuid;

use crate::actions::connect::grant::Grant;
use crate::actions::persist::persist;
use crate::error::Error;
use crate::observe;
use crate::rules::link;
use crate::state::State;
use crate::store::connect_links::{self, Link};
use crate::store::connectors::members;
use crate::store::{google_accounts, grant_endings};

/// Refuses a grant that the link is not for, and gives it back to Google.
pub async fn check(state: &State, tenant: &TenantId, id: Uuid, grant: &Grant) -> Result<(), Error> {
    let tx = state.db.tenant(tenant).await?;
    let found = connect_links::get(&tx, id).await?.ok_or(Error::LinkInvalid)?;
    tx.commit().await?;
    if link::fits(&found, &grant.who) {
        return if link::ends(&found) { Ok(()) } else { Err(Error::LinkInvalid) };
    }
    observe::link(&state.metrics, observe::LinkEvent::Refused, &found);
    give_back(state, grant).await?;
    Err(Error::OtherAccount)
}

/// The link in the transaction that connects its account: locked, and found to be good still. Nothing where it is not.
pub async fn lock(tx: &TenantTx, id: Uuid, grant: &Grant) -> Result<Option<Link>, Error> {
    let found = connect_links::lock(tx, id).await?;
    Ok(found.filter(|found| link::ends(found) && link::fits(found, &grant.who)))
}

/// Google's revoke acts on the whole account: where another connector lives by it, its owner never consented to that.
/// Kept as any other grant to be given back, so that a crash or an unreachable Google delays it and never forgets it.
async fn give_back(state: &State, grant: &Grant) -> Result<(), Error> {
    let google = state.google()?;
    let sealed = state.vault.seal(grant.refresh.as_ref().unwrap_or(&grant.access));
    persist(state, "give a refused grant back", || async {
        let tx = state.db.system().await?;
        google_accounts::lock_address(&tx, &grant.who.address.lookup_key()).await?;
        let account = google_accounts::upsert(&tx, state.seams.ids.as_ref(), &google.client_id, &grant.who).await?;
        if members::live(&tx, &account).await?.is_empty() {
            let now = state.seams.clock.now();
            grant_endings::insert(&tx, state.seams.ids.uuid(), account.id, &sealed, false, now).await?;
            tx.commit().await?;
        }
        Ok(())
    })
    .await?;
    state.wake.endings.notify_one();
    Ok(())
}
