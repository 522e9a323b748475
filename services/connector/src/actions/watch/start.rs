//! An owner starts the share of a connector: in Google's push watch, or a polling watch where there is no topic.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, LabelId, Timestamp, WatchId, WatchState, WatchType};
use postrider_gmail::WatchAnswer;
use postrider_storage::SystemTx;

use super::stop::stop_unwanted;
use super::{google, tell};
use crate::actions::tokens::source::ConnectorTokens;
use crate::actions::update::{self, Patch};
use crate::actions::{Owner, select};
use crate::error::Error;
use crate::events::{self, WatchChange};
use crate::rules::settings::{FilterAction, SettingsPatch};
use crate::rules::topic;
use crate::state::State;
use crate::store::connectors::Connector;
use crate::store::connectors::members::{self, Member};
use crate::store::google_accounts::{self, Account, watch};
use crate::store::watches::{self, Watch, WatchNow};

/// How long a caller waits for somebody else's call.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(50);

/// What is to be watched.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub topic: Option<String>,
    pub label_ids: Option<Vec<LabelId>>,
    pub label_filter_action: Option<FilterAction>,
}

/// Starts the watch of the connector meant; returns once Google answered.
pub async fn start(
    state: &State,
    owner: &Owner,
    named: Option<ConnectorId>,
    options: Options,
    trace: Option<TraceContext>,
) -> Result<Watch, Error> {
    let row = select::acting(state, owner, named).await?;
    // All that can be wrong with the options is found before Google is asked and anything is written.
    let labels = labels(&options);
    labels.clone().apply(&row.settings).map_err(Error::from_bare_faults)?;
    let topic = topic::chosen(options.topic.as_deref(), state.settings.pubsub_topic.as_deref())
        .map_err(|_not_ours| Error::invalid("topic_name", "is not this installation's topic; leave it out"))?;
    state.google()?;
    let watch = match topic {
        Some(topic) => push(state, &row, topic).await?,
        None => polling(state, &row, trace).await?,
    };
    let patch = Patch { settings: Some(labels), ..Patch::default() };
    update::update(state, owner, row.id, patch, trace).await?;
    Ok(watch)
}

/// Labels are a setting of the connector: one place decides what wakes and notifies.
fn labels(options: &Options) -> SettingsPatch {
    SettingsPatch {
        label_ids: options.label_ids.clone().map(Some),
        label_filter_action: options.label_filter_action.map(Some),
        ..SettingsPatch::default()
    }
}

async fn push(state: &State, row: &Connector, topic: &str) -> Result<Watch, Error> {
    // Google first: a topic it refuses changes nothing for the others who share the account.
    let tx = state.db.system().await?;
    let account = google_accounts::lock(&tx, row.account_id).await?;
    if on_other_topic(&tx, state, &account, row, topic).await?.is_some() {
        return Err(Error::TopicTaken);
    }
    tx.commit().await?;
    let answer = match turn(state, &account, row, topic).await? {
        Turn::Ours => match google::ask(state, &account, topic).await {
            Ok(answer) => answer,
            Err(error) => {
                let tx = state.db.system().await?;
                watch::release(&tx, account.id).await?;
                tx.commit().await?;
                return Err(Error::from_gmail(error));
            }
        },
        Turn::Done(answer) => answer,
    };

    let tx = state.db.system().await?;
    google_accounts::lock(&tx, row.account_id).await?;
    if let Some(first) = on_other_topic(&tx, state, &account, row, topic).await? {
        // Somebody else's watch was recorded while Google answered, and our call took the account away from it.
        watch::mark_due(&tx, first.account, state.seams.clock.now()).await?;
        watch::release(&tx, row.account_id).await?;
        tx.commit().await?;
        state.wake.watches.notify_one();
        return Err(Error::TopicTaken);
    }
    watch::want(&tx, row.account_id, topic, state.seams.clock.now()).await?;
    let account = google_accounts::lock(&tx, row.account_id).await?;

    let tx = tx.into_tenant(&row.tenant).await?;
    watches::want_push(&tx, WatchId(state.seams.ids.uuid()), &row.tenant, row.id).await?;
    let tx = tell::settle(tx.into_system().await?, state, &account, &answer).await?;

    let tx = tx.into_tenant(&row.tenant).await?;
    let watch = watches::lock(&tx, row.id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(watch)
}

/// Whose turn it is to ask Google.
enum Turn {
    Ours,
    /// Somebody else asked meanwhile: the answer is ours too.
    Done(WatchAnswer),
}

/// Waits until nobody else calls Google about the account: two calls at once leave two subscriptions there.
async fn turn(state: &State, account: &Account, row: &Connector, topic: &str) -> Result<Turn, Error> {
    let deadline = Instant::now() + PATIENCE;
    let mut waited = false;
    loop {
        let tx = state.db.system().await?;
        let won = watch::claim_one(&tx, account.id).await?;
        let now = google_accounts::lock(&tx, account.id).await?;
        if let Some(answer) = running(&now, topic, state.seams.clock.now()).filter(|_| waited && won) {
            watch::release(&tx, account.id).await?;
            tx.commit().await?;
            return Ok(Turn::Done(answer));
        }
        if won && on_other_topic(&tx, state, &now, row, topic).await?.is_some() {
            // Recorded while we waited. The claim goes with the transaction.
            return Err(Error::TopicTaken);
        }
        tx.commit().await?;
        if won {
            return Ok(Turn::Ours);
        }
        if Instant::now() >= deadline {
            return Err(Error::Busy);
        }
        waited = true;
        tokio::time::sleep(LOOK).await;
    }
}

/// What Google answered to whoever asked before.
fn running(account: &Account, topic: &str, now: Timestamp) -> Option<WatchAnswer> {
    let here = account.watch_wanted && account.watch_topic.as_deref() == Some(topic);
    let expires_at = account.watch_expires_at.filter(|end| here && *end > now)?;
    Some(WatchAnswer { history_id: account.watch_history_id?, expires_at })
}

/// Somebody else whose share in the account's watch another topic would end: Google keeps one watch for an account. With
/// a topic of the installation's own there is no other to move it to.
async fn on_other_topic(
    tx: &SystemTx,
    state: &State,
    account: &Account,
    row: &Connector,
    topic: &str,
) -> Result<Option<Member>, Error> {
    if state.settings.pubsub_topic.is_some() {
        return Ok(None);
    }
    let elsewhere = |member: &Member| member.topic.as_deref().is_some_and(|known| known != topic);
    let others = members::live(tx, account).await?.into_iter().filter(|member| member.connector != row.id);
    Ok(others.filter(|member| member.watched).find(elsewhere))
}

async fn polling(state: &State, row: &Connector, trace: Option<TraceContext>) -> Result<Watch, Error> {
    let tokens = ConnectorTokens { state: state.clone(), tenant: row.tenant.clone(), connector: row.id };
    let gmail = state.google()?.gmail(row.id, Arc::new(tokens))?;
    let history_id = gmail.profile().await.map_err(Error::from_gmail)?.history_id;
    let now = WatchNow {
        watch_type: WatchType::Polling,
        state: WatchState::Active,
        history_id,
        expires_at: None,
        silent: false,
    };

    let tx = state.db.system().await?;
    let account = google_accounts::lock(&tx, row.account_id).await?;

    let mut tx = tx.into_tenant(&row.tenant).await?;
    let before = watches::lock(&tx, row.id).await?;
    let watch = watches::set(&tx, WatchId(state.seams.ids.uuid()), &row.tenant, row.id, now).await?;
    let again =
        before.is_some_and(|before| before.state == WatchState::Active && before.watch_type == WatchType::Polling);
    let change = if again { WatchChange::Renewed } else { WatchChange::Started };
    events::watch(&mut tx, &state.seams, row, &watch, change, trace).await?;

    let tx = tx.into_system().await?;
    stop_unwanted(&tx, state, &account).await?;
    tx.commit().await?;
    state.wake.watches.notify_one();
    Ok(watch)
}
