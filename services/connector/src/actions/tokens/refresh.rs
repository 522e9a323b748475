//! One refresh: ask Google for a new access token and store it if the credential is still the one it was asked with.
//!
//! It runs as a task of its own, so that a caller that goes away cannot lose a refresh token Google rotated; the
//! answer is stored before anybody sees it. A process killed in between leaves a claim that ends by itself and the old
//! refresh token, which Google keeps valid.

use std::time::Duration;

use postrider_domain::{ConnectorId, ReauthReason, TenantId};
use postrider_runtime::backoff::Backoff;
use tokio::sync::oneshot;

use super::client;
use crate::actions::reauth;
use crate::error::Error;
use crate::observe;
use crate::rules::scopes;
use crate::state::State;
use crate::store::connectors::{self, Connector};
use crate::store::credentials::{self, Credential, Sealed};
use crate::store::google_accounts;

/// Longest time Google may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long the claim keeps other replicas away: the deadline and the time to store the answer.
const CLAIM_SECONDS: f64 = 15.0;
/// Google's word for a refresh token of another client, and for a client that may not ask this way at all: only beside
/// what we know of the account does it say that `GOOGLE_CLIENT_ID` was changed. A client id that does not exist is
/// `invalid_client`: a typing error must not cost every account its consent.
const OTHER_CLIENT: &str = "unauthorized_client";
/// How often storing an answer is tried before it is given up.
const STORE_TRIES: u32 = 6;
const STORE_BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));

/// Tries to be the one who refreshes this version of a connector's credential, in all replicas.
pub async fn claim(state: &State, tenant: &TenantId, id: ConnectorId, version: i64) -> Result<bool, Error> {
    let tx = state.db.tenant(tenant).await?;
    let won = credentials::claim_refresh(&tx, id, version, state.replica, CLAIM_SECONDS).await?;
    tx.commit().await?;
    Ok(won)
}

/// Refreshes under a claim that was won. `Ok` means: read again.
pub async fn run(state: &State, row: &Connector, held: &Credential) -> Result<(), Error> {
    let (answer, result) = oneshot::channel();
    let job = Job { state: state.clone(), row: row.clone(), held: held.clone() };
    state.tasks.spawn("tokens.refresh", async move {
        // Nobody may be waiting any more; the work is done all the same.
        let _gone = answer.send(job.run().await);
    });
    result.await.map_err(|_task_died| Error::Busy)?
}

struct Job {
    state: State,
    row: Connector,
    held: Credential,
}

impl Job {
    async fn run(self) -> Result<(), Error> {
        let result = self.ask().await;
        if result.is_err()
            && let Err(error) = self.release().await
        {
            tracing::warn!(%error, "refresh: cannot give the claim up; it ends by itself");
        }
        result
    }

    async fn ask(&self) -> Result<(), Error> {
        let refresh = match &self.held.refresh_sealed {
            Some(sealed) => self.state.vault.open(sealed)?,
            None => return Err(Error::ReauthRequired),
        };
        let google = self.state.google()?;
        let app = client::of_account(&self.state, google, self.row.account_id).await?;
        let asked = tokio::time::timeout(DEADLINE, google.refresh(app, &refresh)).await;
        match asked.unwrap_or(Err(Error::google_unavailable("no answer in time"))) {
            Ok(fresh) => {
                observe::refreshed(&self.state.metrics, "ok");
                let short = fresh.scopes.as_ref().is_some_and(|granted| !scopes::missing(granted).is_empty());
                let sealed = Sealed {
                    // Sealed anew each time, so that after a change of keys the old one is soon not needed.
                    refresh: self.state.vault.seal(fresh.refresh.as_ref().unwrap_or(&refresh)),
                    access: self.state.vault.seal(&fresh.access),
                    access_issued_at: self.state.seams.clock.now(),
                    access_expires_at: fresh.access_expires_at,
                };
                let stored = self.store(sealed).await?;
                match stored {
                    Some(version) if short => self.require_consent(version, ReauthReason::ScopeMissing).await,
                    _ => Ok(()),
                }
            }
            Err(Error::GrantDead) => {
                observe::refreshed(&self.state.metrics, "invalid_grant");
                self.require_consent(self.held.version, ReauthReason::InvalidGrant).await
            }
            Err(Error::ClientRefused(word)) if word == OTHER_CLIENT && self.is_of_other_client().await? => {
                observe::refreshed(&self.state.metrics, "other_client");
                self.require_consent(self.held.version, ReauthReason::ClientChanged).await
            }
            Err(error) => {
                observe::refreshed(&self.state.metrics, "failed");
                Err(error)
            }
        }
    }

    async fn require_consent(&self, version: i64, reason: ReauthReason) -> Result<(), Error> {
        reauth::require_consent(&self.state, &self.row, version, reason).await.map(|_marked| ())
    }

    /// Whether the consent was given to another OAuth client than ours is now.
    async fn is_of_other_client(&self) -> Result<bool, Error> {
        let tx = self.state.db.system().await?;
        let client = google_accounts::client_of(&tx, self.row.account_id).await?;
        tx.commit().await?;
        Ok(client.is_some_and(|client| self.state.google().is_ok_and(|google| google.app(&client).is_none())))
    }

    /// Stores the answer; a database that is away for a moment must not cost a rotated refresh token. Returns the new
    /// version, or nothing when the credential was replaced meanwhile: then this answer is of no use.
    async fn store(&self, sealed: Sealed) -> Result<Option<i64>, Error> {
        let mut attempt = 0;
        loop {
            match self.try_store(sealed.clone()).await {
                Err(error) if error.is_transient() && attempt < STORE_TRIES => {
                    tokio::time::sleep(STORE_BACKOFF.delay(attempt, self.state.seams.entropy.unit())).await;
                    attempt += 1;
                }
                result => return Ok(result?),
            }
        }
    }

    async fn try_store(&self, sealed: Sealed) -> Result<Option<i64>, postrider_storage::Error> {
        let next_check = self.state.seams.clock.now() + self.state.settings.token_check_every;
        let tx = self.state.db.tenant(&self.row.tenant).await?;
        connectors::mark_check_due(&tx, self.row.id, next_check).await?;
        let version = credentials::store_refreshed(&tx, self.row.id, self.held.version, sealed).await?;
        tx.commit().await?;
        Ok(version)
    }

    async fn release(&self) -> Result<(), postrider_storage::Error> {
        let tx = self.state.db.tenant(&self.row.tenant).await?;
        credentials::release_refresh(&tx, self.row.id, self.state.replica).await?;
        tx.commit().await
    }
}
