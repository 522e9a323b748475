//! Google's push watch of an account: started, renewed, stopped, lapsed; and what its connectors are told.
//!
//! Google keeps one watch for each account and OAuth client, so it hangs on `google_accounts`; each connector with a
//! share in it gets its own events.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_gmail::{GmailApi, GmailError, WatchAnswer, WatchRequest};
use postrider_storage::Tx;
use uuid::Uuid;

use super::token_source::ConnectorTokens;
use crate::error::Error;
use crate::events::{self, WatchChange};
use crate::state::State;
use crate::store::google_accounts::{self, Account};
use crate::store::members::{self, Member};
use crate::store::watches::{self, WatchNow};
use crate::store::{connectors, watch_due};

/// Google ends a watch after seven days and advises a daily renewal.
pub const RENEW_EVERY: TimeDelta = TimeDelta::hours(24);
/// First and longest wait after a failed call.
const RETRY: postrider_runtime::backoff::Backoff =
    postrider_runtime::backoff::Backoff::new(std::time::Duration::from_secs(5), std::time::Duration::from_secs(3_600));

/// Starts or renews the account's watch at Google and tells its connectors.
pub async fn start(state: &State, account: &Account) -> Result<WatchAnswer, Error> {
    let topic = account.watch_topic.clone().or_else(|| state.settings.pubsub_topic.clone()).ok_or(Error::NoTopic)?;
    match ask(state, account, &topic).await {
        Ok(answer) => {
            let mut tx = state.db.system().await?;
            settle(&mut tx, state, account.id, &answer).await?;
            tx.commit().await?;
            crate::observe::watch_called(state, "ok");
            Ok(answer)
        }
        Err(error) => {
            record_failure(state, account, &error).await?;
            crate::observe::watch_called(state, error.code());
            Err(Error::from_gmail(error))
        }
    }
}

/// Asks Google to watch the account on a topic; records nothing.
pub async fn ask(state: &State, account: &Account, topic: &str) -> Result<WatchAnswer, GmailError> {
    let request = WatchRequest { topic: topic.to_owned() };
    let gmail = client(state, account).await?;
    match gmail.watch(&request).await {
        // Another topic of this OAuth client watches the account: Google allows one. Take it over, once.
        Err(GmailError::WatchTaken) => {
            gmail.stop().await?;
            gmail.watch(&request).await
        }
        answer => answer,
    }
}

/// A client with the token of a live connector that has one to give.
async fn client(state: &State, account: &Account) -> Result<Arc<dyn GmailApi>, GmailError> {
    let members = live(state, account).await.map_err(|error| GmailError::transient(error.to_string()))?;
    let google = state.google().map_err(|error| GmailError::transient(error.to_string()))?;
    let mut last = GmailError::Token(postrider_gmail::TokenError::Disconnected);
    for member in members {
        let tokens = ConnectorTokens { state: state.clone(), tenant: member.tenant, connector: member.connector };
        match postrider_gmail::TokenSource::token(&tokens, None).await {
            Ok(_token) => {
                return google
                    .gmail(member.connector, Arc::new(tokens))
                    .map_err(|error| GmailError::transient(error.to_string()));
            }
            Err(error) => last = GmailError::Token(error),
        }
    }
    Err(last)
}

async fn live(state: &State, account: &Account) -> Result<Vec<Member>, postrider_storage::Error> {
    let mut tx = state.db.system().await?;
    let members = members::live(&mut tx, account).await?;
    tx.commit().await?;
    Ok(members)
}

/// Keeps Google's answer and tells the connectors that have a share in the watch. Begins and leaves in the system role.
pub async fn settle(tx: &mut Tx, state: &State, account: Uuid, answer: &WatchAnswer) -> Result<(), Error> {
    let now = state.seams.clock.now();
    let account = google_accounts::lock(tx, account).await?;
    // Well before Google's end even if it is nearer than usual.
    let renewal = (now + RENEW_EVERY).min(now + (answer.expires_at - now) / 2);
    let due = if account.watch_wanted { renewal } else { now };
    watch_due::mark_running(tx, account.id, answer.history_id.as_i64(), answer.expires_at, due).await?;
    if account.watch_wanted {
        let history_id = answer.history_id.as_i64();
        let active = WatchNow { watch_type: "push", state: "active", history_id, expires_at: Some(answer.expires_at) };
        tell(tx, state, &account, active).await?;
    }
    Ok(())
}

async fn record_failure(state: &State, account: &Account, error: &GmailError) -> Result<(), Error> {
    let now = state.seams.clock.now();
    let attempt = u32::try_from(account.watch_attempts).unwrap_or(0);
    // What only a person can mend is asked again hourly all the same: nobody tells us when it is mended.
    let attempt = if error.is_transient() { attempt } else { u32::MAX };
    let wait = TimeDelta::from_std(RETRY.delay(attempt, state.seams.entropy.unit())).unwrap_or(TimeDelta::hours(1));
    let due = error.retry_at().map_or(now + wait, |at| at.max(now + wait));
    let mut tx = state.db.system().await?;
    watch_due::mark_failed(&mut tx, account.id, error.code(), due).await?;
    tx.commit().await?;
    Ok(())
}

/// Stops the account's watch at Google; the shares were ended by whoever asked.
pub async fn stop(state: &State, account: &Account) -> Result<(), Error> {
    let gmail = match client(state, account).await {
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

async fn record_ended(state: &State, account: &Account) -> Result<(), Error> {
    let mut tx = state.db.system().await?;
    let account = google_accounts::lock(&mut tx, account.id).await?;
    // Wanted again while we stopped it: start it anew.
    let due = account.watch_wanted.then(|| state.seams.clock.now());
    watch_due::mark_ended(&mut tx, account.id, due).await?;
    tx.commit().await?;
    Ok(())
}

/// Finds watches that ran out unrenewed and says so. Answers how many.
pub async fn mark_lapsed(state: &State) -> Result<usize, Error> {
    let now = state.seams.clock.now();
    let mut tx = state.db.system().await?;
    let lapsed = watch_due::lock_expired(&mut tx, now, 50).await?;
    for account in &lapsed {
        watch_due::mark_ended(&mut tx, account.id, account.watch_wanted.then_some(now)).await?;
        let history_id = account.watch_history_id.unwrap_or(0);
        let lapsed = WatchNow { watch_type: "push", state: "lapsed", history_id, expires_at: None };
        tell(&mut tx, state, account, lapsed).await?;
        crate::observe::watch_lapsed(state, account.id);
    }
    tx.commit().await?;
    Ok(lapsed.len())
}

/// Gives every connector with a share in the account's watch its new state and event. Leaves the system role.
async fn tell(tx: &mut Tx, state: &State, account: &Account, now: WatchNow<'_>) -> Result<(), Error> {
    tx.enter_system().await?;
    let members = members::live(tx, account).await?;
    for member in members.iter().filter(|member| member.watched) {
        tx.enter_tenant(&member.tenant).await?;
        tell_one(tx, state, member, now).await?;
    }
    tx.enter_system().await?;
    Ok(())
}

async fn tell_one(tx: &mut Tx, state: &State, member: &Member, now: WatchNow<'_>) -> Result<(), Error> {
    let Some(row) = connectors::get(tx, member.connector).await? else { return Ok(()) };
    let before = watches::lock(tx, row.id).await?;
    let was = before.as_ref().map_or("stopped", |watch| watch.state.as_str());
    let change = match (was, now.state) {
        // Stopped by its owner while Google answered.
        ("stopped", _) => return Ok(()),
        ("active", "active") => WatchChange::Renewed,
        (_, "active") => WatchChange::Started,
        ("active", _) => WatchChange::Lapsed,
        _ => return Ok(()),
    };
    let watch = watches::set(tx, state.seams.ids.uuid(), &row.tenant, row.id, now).await?;
    events::watch(tx, &state.seams, &row, &watch, change, None).await?;
    Ok(())
}
