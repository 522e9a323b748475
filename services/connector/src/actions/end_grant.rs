//! Giving a grant back to Google: the watch is stopped, then the whole grant revoked, after an account's last live
//! connector ended. Works off `grant_endings`; connecting the account again takes an ending back.

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::ConnectorId;
use postrider_runtime::backoff::Backoff;

use super::tokens::client;
use super::tokens::source::FixedToken;
use crate::error::Error;
use crate::observe;
use crate::state::{App, Google, State};
use crate::store::connectors::{self, members};
use crate::store::google_accounts::{self, watch};
use crate::store::grant_endings::{self, Ending};

const RETRY: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(3_600));
/// About a day of tries; then the grant is left to its user and the secret forgotten.
const TRIES: i32 = 30;

/// Gives one grant back.
pub async fn end_grant(state: &State, ending: &Ending) -> Result<(), Error> {
    if taken_back(state, ending).await? {
        return Ok(());
    }
    match give_back(state, ending).await {
        Ok(()) => {
            observe::grant_ended(&state.metrics, "ok");
            finish(state, ending).await
        }
        Err(error) if ending.attempts + 1 < TRIES => {
            observe::grant_ended(&state.metrics, "postponed");
            tracing::info!(account.id = %ending.account_id, %error, "cannot give a grant back yet");
            postpone(state, ending, &error).await
        }
        Err(error) => {
            observe::grant_ended(&state.metrics, "given_up");
            tracing::error!(account.id = %ending.account_id, %error, "gave up giving a grant back; its user can revoke it");
            finish(state, ending).await
        }
    }
}

/// Somebody connected the account again: its grant is in use.
async fn taken_back(state: &State, ending: &Ending) -> Result<bool, Error> {
    let tx = state.db.system().await?;
    let account = google_accounts::lock(&tx, ending.account_id).await?;
    let in_use = !members::live(&tx, &account).await?.is_empty();
    if in_use {
        grant_endings::delete(&tx, ending.id).await?;
        tx.commit().await?;
    }
    Ok(in_use)
}

async fn give_back(state: &State, ending: &Ending) -> Result<(), Error> {
    let google = state.google()?;
    let refresh = state.vault.open(&ending.refresh_sealed)?;
    if ending.stop_watch {
        let app = client::of_account(state, google, ending.account_id).await?;
        stop_watch(state, google, app, &refresh).await?;
    }
    google.revoke(&refresh).await
}

/// Only what may pass is an error: a grant that is dead already has no watch worth stopping.
async fn stop_watch(state: &State, google: &Google, app: App, refresh: &postrider_domain::Secret) -> Result<(), Error> {
    let answer = match google.refresh(app, refresh).await {
        Ok(answer) => answer,
        Err(error) if error.is_temporary() => return Err(error),
        Err(_dead) => return Ok(()),
    };
    let tokens = FixedToken { secret: answer.access, expires_at: answer.access_expires_at };
    match google.gmail(ConnectorId(state.seams.ids.uuid()), Arc::new(tokens))?.stop().await {
        Err(error) if error.is_transient() => Err(Error::from_gmail(error)),
        _ => Ok(()),
    }
}

async fn finish(state: &State, ending: &Ending) -> Result<(), Error> {
    let now = state.seams.clock.now();
    let tx = state.db.system().await?;
    let account = google_accounts::lock(&tx, ending.account_id).await?;
    grant_endings::delete(&tx, ending.id).await?;
    google_accounts::mark_grant_ended(&tx, account.id, now).await?;
    watch::mark_ended(&tx, account.id, account.watch_wanted.then_some(now)).await?;
    // Connected again while Google revoked: that new grant may be dead too, so it is looked at now.
    for member in members::live(&tx, &account).await? {
        connectors::mark_check_due(&tx, member.connector, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn postpone(state: &State, ending: &Ending, error: &Error) -> Result<(), Error> {
    let due = RETRY.due(state.seams.clock.now(), ending.attempts, state.seams.entropy.unit());
    let tx = state.db.system().await?;
    grant_endings::postpone(&tx, ending.id, error.code(), due).await?;
    tx.commit().await?;
    Ok(())
}
