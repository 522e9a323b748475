//! Connects the account of `GMAIL_REFRESH_TOKEN` at the start.
//!
//! An account its owner already connected is left alone, also one that was disconnected: a restart revives nothing. Nor does
//! it bring one back that was erased: the token's hash is remembered. One that needs a new consent gets the token, in case
//! the operator replaced it.

use std::time::Duration;

use postrider_domain::{AccountStatus, ConnectorId};
use postrider_runtime::Shutdown;
use postrider_runtime::backoff::Backoff;

use crate::actions::Owner;
use crate::actions::connect::grant::{self, Grant};
use crate::actions::connect::{Request, connect};
use crate::config::Bootstrap;
use crate::error::Error;
use crate::state::State;
use crate::store::oauth_states::Hash;
use crate::store::{bootstrap_tokens, connectors};
use postrider_domain::token;

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
    let hash = token::hash(account.refresh_token.expose());
    if was_erased(state, &owner, &hash).await? {
        tracing::info!(
            "the account of GMAIL_REFRESH_TOKEN was erased: its token connects nothing any more; take it away"
        );
        return Ok(());
    }
    let grant = grant::by_refresh_token(state, &account.refresh_token).await?;
    let connector = match known(state, &owner, &grant).await? {
        Some((id, status)) if status != AccountStatus::ReauthRequired => id,
        None | Some(_) => {
            let owner = owner.clone();
            let request = Request { owner, grant, settings: None, confirmed: None, link: None, trace: None };
            connect(state, request).await?.connector
        }
    };
    let tx = state.db.tenant(&owner.tenant).await?;
    bootstrap_tokens::remember(&tx, &owner.tenant, &owner.user, &hash, connector).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the token made a connector that its owner erased since. Its row says nothing of the account any more.
async fn was_erased(state: &State, owner: &Owner, hash: &Hash) -> Result<bool, Error> {
    let tx = state.db.tenant(&owner.tenant).await?;
    let used = bootstrap_tokens::find(&tx, &owner.user, hash).await?;
    tx.commit().await?;
    Ok(used.is_some_and(|used| used.erased))
}

async fn known(state: &State, owner: &Owner, grant: &Grant) -> Result<Option<(ConnectorId, AccountStatus)>, Error> {
    let tx = state.db.tenant(&owner.tenant).await?;
    let found = connectors::find_by_address(&tx, &owner.user, &grant.who.address.lookup_key()).await?;
    tx.commit().await?;
    Ok(found.map(|row| (row.id, row.status)))
}
