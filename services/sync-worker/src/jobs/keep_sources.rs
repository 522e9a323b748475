//! Moves large sources to the object store, if there is one: into blobs, by the hash of what they hold, so that equal ones lie
//! there once. A mail is stored first and moved later: a store that is away holds up no sync. One replica at a time; what it
//! did not come to is found again.

use std::time::Duration;

use bytes::Bytes;
use postrider_blobs::Objects;
use postrider_domain::TenantId;
use postrider_storage::Error;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::jobs::objects;
use crate::jobs::turn::Turn;
use crate::kept::{KeptError, Vault};
use crate::state::State;
use crate::store::blobs::{self, Body};
use crate::store::mailboxes;
use crate::store::sources::{self, Chunked};

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(60);
/// Taken again before every source.
const TURN: Turn = Turn { name: "keep_sources", lease: Duration::from_secs(120) };
/// Tenants and sources looked up at once.
const TENANTS: usize = 200;
const SOURCES: usize = 50;

/// Moves what is to be moved, unless another replica is at it.
pub async fn run(state: &State, store: &Objects, stop: &CancellationToken) -> Result<(), Error> {
    let vault = Vault::new(state.db.clone(), Some(store.clone()));
    let mut after = None;
    loop {
        if !TURN.take(state).await? {
            return Ok(());
        }
        let tx = state.db.system().await?;
        let tenants = sources::list_tenants(&tx, after.as_ref(), TENANTS).await?;
        tx.commit().await?;
        after = tenants.last().cloned();
        for tenant in &tenants {
            if !tenant_is_done(state, (&vault, store), tenant, stop).await? {
                return Ok(());
            }
        }
        if after.is_none() {
            break;
        }
    }
    TURN.end(state).await
}

/// Each of a tenant's sources once: one that cannot be moved now is looked at again by the next run. `false`: somebody else
/// goes on.
async fn tenant_is_done(
    state: &State,
    (vault, store): (&Vault, &Objects),
    tenant: &TenantId,
    stop: &CancellationToken,
) -> Result<bool, Error> {
    let mut after = None;
    loop {
        let tx = state.db.tenant(tenant).await?;
        let large = sources::list_chunked(&tx, tenant, after, SOURCES).await?;
        tx.commit().await?;
        let Some(last) = large.last() else { return Ok(true) };
        after = Some(last.email_id);
        for source in &large {
            if stop.is_cancelled() || !TURN.take(state).await? {
                return Ok(false);
            }
            keep(state, (vault, store), tenant, source).await?;
        }
    }
}

async fn keep(
    state: &State,
    (vault, store): (&Vault, &Objects),
    tenant: &TenantId,
    source: &Chunked,
) -> Result<(), Error> {
    let whole = match whole(vault, tenant, source).await {
        Ok(Some(whole)) => Bytes::from(whole),
        Ok(None) => return Ok(()),
        Err(error) if error.is_loss() => {
            tracing::warn!(email.id = %source.email_id, %error, "a stored source cannot be moved");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let size = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    let hashed = whole.clone();
    let key = tokio::task::spawn_blocking(move || format!("{:x}", Sha256::digest(&hashed))).await;
    let key = key.map_err(|error| Error::Other(error.to_string()))?;
    let object = objects::write(state, store, tenant, &key, [whole]).await?;
    let tx = state.db.tenant(tenant).await?;
    // Never beside an erasure: what it has looked at it does not look at again.
    if mailboxes::hold(&tx, source.connector_id).await? {
        objects::name(&tx, &key, size, Body::Object(&object)).await?;
        if !sources::settle(&tx, source.email_id, &key).await? {
            blobs::drop_unnamed(&tx, vec![key]).await?;
        }
    }
    tx.commit().await
}

async fn whole(vault: &Vault, tenant: &TenantId, source: &Chunked) -> Result<Option<Vec<u8>>, KeptError> {
    let held = vault.source(tenant, source.email_id).await?;
    if let Some(held) = held { held.whole().await.map(Some) } else { Ok(None) }
}
