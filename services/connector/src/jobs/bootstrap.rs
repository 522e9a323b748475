//! Connects the account of `GMAIL_REFRESH_TOKEN` at the start.
//!
//! An account its owner already connected is left alone, also one that was disconnected: a restart revives nothing. One
//! that needs a new consent gets the token, in case the operator replaced it.

use std::time::Duration;

use postrider_domain::AccountStatus;
use postrider_runtime::Shutdown;
use postrider_runtime::backoff::Backoff;

use crate::actions::Owner;
use crate::actions::connect::grant::{self, Grant};
use crate::actions::connect::{Request, connect};
use crate::config::Bootstrap;
use crate::error::Error;
use crate::state::State;
use crate::store::connectors;

const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

/// Tries until it is done, cannot be done, or the service stops.
pub async fn run(state: State, stop: Shutdown, account: Bootstrap) {
    for attempt in 0.. {
        match once(&state, &account).await {
            Ok(()) => return,
            Err(error) if error.is_temporary() => {
                tracing::warn!(%error, "cannot connect the account of GMAIL_REFRESH_TOKEN yet");
            }
            Err(error) => {
                tracing::error!(%error, "cannot connect the account of GMAIL_REFRESH_TOKEN");
                return;
            }
        }
        tokio::select! {
            () = stop.soft.cancelled() => return,
            () = tokio::time::sleep(RETRY.delay(attempt, state.seams.entropy.unit())) => {}
        }
    }
}

/// Connects the account if it is not connected.
pub async fn once(state: &State, account: &Bootstrap) -> Result<(), Error> {
    let owner = Owner { tenant: account.tenant.clone(), user: account.user.clone() };
    let grant = grant::by_refresh_token(state, &account.refresh_token).await?;
    match known(state, &owner, &grant).await? {
        None | Some(AccountStatus::ReauthRequired) => {
            let request = Request { owner, grant, settings: None, confirmed: None, link: None, trace: None };
            connect(state, request).await.map(|_connected| ())
        }
        Some(_settled) => Ok(()),
    }
}

async fn known(state: &State, owner: &Owner, grant: &Grant) -> Result<Option<AccountStatus>, Error> {
    let tx = state.db.tenant(&owner.tenant).await?;
    let found = connectors::find_by_address(&tx, &owner.user, &grant.who.address.lookup_key()).await?;
    tx.commit().await?;
    Ok(found.map(|row| row.status))
}
