//! Keeping an account's watch as its row wants it: started, renewed, stopped, and found lapsed.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::{WatchState, WatchType};
use postrider_gmail::GmailError;
use postrider_runtime::backoff::Backoff;

use super::{google, tell};
use crate::error::Error;
use crate::observe;
use crate::state::State;
use crate::store::google_accounts::{self, Account, watch};
use crate::store::watches::WatchNow;

/// First and longest wait after a failed call.
const RETRY: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(3_600));

/// Starts or renews the account's watch at Google and tells its connectors.
pub async fn start(state: &State, account: &Account) -> Result<(), Error> {
    let topic = account.watch_topic.clone().or_else(|| state.settings.pubsub_topic.clone()).ok_or(Error::NoTopic)?;
    match google::ask(state, account, &topic).await {
        Ok(answer) => {
            let tx = state.db.system().await?;
            let account = google_accounts::lock(&tx, account.id).await?;
            tell::settle(tx, state, &account, &answer).await?.commit().await?;
            observe::watch_called(&state.metrics, "ok");
            Ok(())
        }
        Err(error) => {
            record_failure(state, account, &error).await?;
            observe::watch_called(&state.metrics, error.code());
            Err(Error::from_gmail(error))
        }
    }
}

/// Stops the account's watch at Google; the shares were ended by whoever asked.
pub async fn stop(state: &State, account: &Account) -> Result<(), Error> {
    let gmail = match google::client(state, account).await {
        Ok(gmail) => gmail,
        Err(error) if error.is_transient() => {
            record_failure(state, account, &error).await?;
            return Err(Error::from_gmail(error));
        }
        // Nobody is left who could stop it: Google ends it within a week.
        Err(_no_grant) => return record_ended(state, account).await,
    };
    match gmail.stop().await {
        Err(error) if error.is_transient() => {
            record_failure(state, account, &error).await?;
            Err(Error::from_gmail(error))
        }
        _ => record_ended(state, account).await,
    }
}

async fn record_failure(state: &State, account: &Account, error: &GmailError) -> Result<(), Error> {
    let now = state.seams.clock.now();
    // What only a person can mend is asked again hourly all the same: nobody tells us when it is mended.
    let attempt = if error.is_transient() { account.watch_attempts } else { i32::MAX };
    let due = RETRY.due(now, attempt, state.seams.entropy.unit());
    let due = error.retry_at().map_or(due, |at| at.max(due));
    let tx = state.db.system().await?;
    watch::mark_failed(&tx, account.id, error.code(), due).await?;
    tx.commit().await?;
    Ok(())
}

async fn record_ended(state: &State, account: &Account) -> Result<(), Error> {
    let tx = state.db.system().await?;
    let account = google_accounts::lock(&tx, account.id).await?;
    // Wanted again while we stopped it: start it anew.
    let due = account.watch_wanted.then(|| state.seams.clock.now());
    watch::mark_ended(&tx, account.id, due).await?;
    tx.commit().await?;
    Ok(())
}

/// How long the push that a watch call causes may take before it counts as lost.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(10);
/// How often a silent watch is asked for again, which sends another push.
const PROBE: TimeDelta = TimeDelta::hours(6);

/// Finds watches that run and push nothing: the topic, its subscription or our intake is broken, and polling carries the
/// mailbox: their connectors are told. Only those on the installation's own topic, whose pushes come here. Returns how many
/// are new.
pub async fn mark_silent(state: &State) -> Result<usize, Error> {
    let Some(topic) = state.settings.pubsub_topic.as_deref() else { return Ok(0) };
    let now = state.seams.clock.now();
    let mut tx = state.db.system().await?;
    let silent = watch::mark_silent(&tx, topic, now, now - ON_ITS_WAY, now - PROBE).await?;
    for account in &silent {
        tx = tell::shares(tx, state, account, WatchNow::running(account)).await?;
    }
    tx.commit().await?;
    for account in &silent {
        observe::watch_silent(&state.metrics, account.id);
    }
    Ok(silent.len())
}

/// Finds watches that ran out unrenewed and says so. Returns how many.
pub async fn mark_lapsed(state: &State) -> Result<usize, Error> {
    let now = state.seams.clock.now();
    let mut tx = state.db.system().await?;
    let expired = watch::lock_expired(&tx, now, 50).await?;
    for account in &expired {
        watch::mark_ended(&tx, account.id, account.watch_wanted.then_some(now)).await?;
        let lapsed = WatchNow {
            watch_type: WatchType::Push,
            state: WatchState::Lapsed,
            history_id: account.watch_history_id.unwrap_or_default(),
            expires_at: None,
            silent: false,
        };
        tx = tell::shares(tx, state, account, lapsed).await?;
        observe::watch_lapsed(&state.metrics, account.id);
    }
    tx.commit().await?;
    Ok(expired.len())
}
