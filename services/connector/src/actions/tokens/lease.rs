//! Leasing an access token: the stored one while it lasts, a new one when it is spent or refused.
//!
//! One refresh at a time: tasks of this process queue behind a gate, replicas behind a claim on the credential's row.
//! Whoever waits reads what the winner stored.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::{AccountStatus, ConnectorId, GoogleSub, Secret, TenantId, Timestamp};

use super::refresh;
use crate::error::Error;
use crate::observe;
use crate::state::State;
use crate::store::connectors::{self, Connector};
use crate::store::credentials::{self, Credential};

/// A token that ends sooner than this is spent: the caller needs time to use it, and clocks differ. One that lives only
/// briefly is spent after half its life, or each lease would ask Google anew.
const SPENT: TimeDelta = TimeDelta::seconds(120);
/// While Google cannot be reached, a token is handed out until this close to its end.
const SPENT_AT_LAST: TimeDelta = TimeDelta::seconds(20);
/// Most refreshes of one lease. The second is for a credential that was replaced while the first was under way.
const REFRESHES: u32 = 2;
/// How long a caller waits for somebody else's refresh, in all.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(40);

/// An access token for one connector.
#[derive(Debug, Clone)]
pub struct Lease {
    pub token: Secret,
    pub expires_at: Timestamp,
    /// Grows with each change of the connector's tokens.
    pub version: i64,
    pub google_sub: GoogleSub,
    pub email_address: String,
}

/// Which tokens will do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Google refused the token of this version: only a newer one helps.
    pub newer_than: Option<i64>,
    /// The service's own calls (watch, stop, checks) work for paused connectors too.
    pub even_paused: bool,
}

/// Leases a token of the tenant's connector.
pub async fn lease(state: &State, tenant: &TenantId, id: ConnectorId, options: Options) -> Result<Lease, Error> {
    let (row, held) = read(state, tenant, id, options).await?;
    if let Some(lease) = usable(state, &row, &held, options, SPENT)? {
        return Ok(lease);
    }
    let gate = state.gates.of(id);
    let _turn = tokio::time::timeout(PATIENCE, gate.lock()).await.map_err(|_elapsed| Error::Busy)?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let (mut waited, mut refreshes) = (false, 0);
    loop {
        let (row, held) = read(state, tenant, id, options).await?;
        if let Some(lease) = usable(state, &row, &held, options, SPENT)? {
            return Ok(lease);
        }
        if refreshes == REFRESHES {
            return Err(Error::google_unavailable("the access tokens Google gives are spent when they come"));
        }
        if !held.refreshing && refresh::claim(state, tenant, id, held.version).await? {
            match refresh::run(state, &row, &held).await {
                Ok(()) => {
                    refreshes += 1;
                    continue;
                }
                Err(error) if error.is_temporary() => {
                    return match usable(state, &row, &held, options, SPENT_AT_LAST)? {
                        Some(lease) => Ok(lease),
                        None => Err(error),
                    };
                }
                Err(error) => return Err(error),
            }
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(Error::Busy);
        }
        if !std::mem::replace(&mut waited, true) {
            observe::refresh_waited(&state.metrics);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The connector and its tokens, or why it cannot act.
async fn read(
    state: &State,
    tenant: &TenantId,
    id: ConnectorId,
    options: Options,
) -> Result<(Connector, Credential), Error> {
    let tx = state.db.tenant(tenant).await?;
    let row = connectors::get(&tx, id).await?.ok_or(Error::NotFound)?;
    let held = credentials::find(&tx, id).await?;
    tx.commit().await?;
    match row.status {
        AccountStatus::Active => {}
        AccountStatus::Paused if options.even_paused => {}
        AccountStatus::Paused => return Err(Error::Paused),
        AccountStatus::ReauthRequired => return Err(Error::ReauthRequired),
        AccountStatus::Disconnected => return Err(Error::Disconnected),
    }
    match held {
        Some(held) if held.refresh_sealed.is_some() => Ok((row, held)),
        _ => Err(Error::ReauthRequired),
    }
}

/// The stored token, if it lasts beyond `margin` and is newer than what the caller was refused with.
fn usable(
    state: &State,
    row: &Connector,
    held: &Credential,
    options: Options,
    margin: TimeDelta,
) -> Result<Option<Lease>, Error> {
    let (Some(sealed), Some(expires_at)) = (&held.access_sealed, held.access_expires_at) else {
        return Ok(None);
    };
    // Before it was noted when a token came, all lived an hour.
    let half = held.access_issued_at.map_or(margin, |issued| (expires_at - issued) / 2);
    let newer = options.newer_than.is_none_or(|refused| held.version > refused);
    if !newer || expires_at - state.seams.clock.now() <= margin.min(half).max(TimeDelta::zero()) {
        return Ok(None);
    }
    Ok(Some(Lease {
        token: state.vault.open(sealed)?,
        expires_at,
        version: held.version,
        google_sub: row.google_sub.clone(),
        email_address: row.email_address.clone(),
    }))
}
