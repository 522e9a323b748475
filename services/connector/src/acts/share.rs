//! A connector's share in its account's watch, started and stopped by its owner.

use std::sync::Arc;

use postrider_contracts::TraceContext;
use postrider_domain::{ConnectorId, LabelId};
use postrider_storage::Tx;

use super::connect::Owner;
use super::token_source::ConnectorTokens;
use super::{select, update, watch};
use crate::error::Error;
use crate::events::{self, WatchChange};
use crate::rules::settings::{FilterAction, SettingsPatch};
use crate::rules::topic;
use crate::state::State;
use crate::store::connectors::{self, Connector};
use crate::store::google_accounts::{self, Account};
use crate::store::members::{self, Member};
use crate::store::watch_due;
use crate::store::watches::{self, Watch, WatchNow};

/// What is to be watched.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    pub topic: Option<String>,
    pub label_ids: Option<Vec<LabelId>>,
    pub label_filter_action: Option<FilterAction>,
}

/// Starts a push watch, or a polling watch where there is no topic. Answers once Google did.
pub async fn start(
    state: &State,
    owner: &Owner,
    named: Option<ConnectorId>,
    wish: Wish,
    trace: Option<TraceContext>,
) -> Result<Watch, Error> {
    let row = select::acting(state, owner, named).await?;
    // All that can be wrong with the wish is found before Google is asked and anything is written.
    let labels = labels(&wish);
    labels.clone().apply(&row.settings).map_err(Error::from_bare_faults)?;
    let topic = topic::chosen(wish.topic.as_deref(), state.settings.pubsub_topic.as_deref())
        .map_err(|_not_ours| Error::invalid("topic_name", "is not this installation's topic; leave it out"))?;
    state.google()?;
    let watch = match topic {
        Some(topic) => push(state, &row, topic).await?,
        None => polling(state, &row, trace).await?,
    };
    let wish = update::Wish { settings: Some(labels), ..update::Wish::default() };
    update::update(state, owner, row.id, wish, trace).await?;
    Ok(watch)
}

/// Labels are a setting of the connector: one place decides what wakes and notifies.
fn labels(wish: &Wish) -> SettingsPatch {
    SettingsPatch {
        label_ids: wish.label_ids.clone().map(Some),
        label_filter_action: wish.label_filter_action.map(Some),
        ..SettingsPatch::default()
    }
}

async fn push(state: &State, row: &Connector, topic: &str) -> Result<Watch, Error> {
    // Google first: a topic it refuses changes nothing for the others who share the account.
    let mut tx = state.db.system().await?;
    let account = google_accounts::lock(&mut tx, row.account_id).await?;
    if on_other_topic(&mut tx, state, &account, row, topic).await?.is_some() {
        return Err(Error::TopicTaken);
    }
    tx.commit().await?;
    let answer = watch::ask(state, &account, topic).await.map_err(Error::from_gmail)?;
    let mut tx = state.db.system().await?;
    google_accounts::lock(&mut tx, row.account_id).await?;
    if let Some(first) = on_other_topic(&mut tx, state, &account, row, topic).await? {
        // Somebody else's watch was recorded while Google answered, and our call took the account away from it.
        watch_due::mark_due(&mut tx, first.account, state.seams.clock.now()).await?;
        tx.commit().await?;
        state.wake.watches.notify_one();
        return Err(Error::TopicTaken);
    }
    watch_due::want(&mut tx, row.account_id, topic, state.seams.clock.now()).await?;
    tx.enter_tenant(&row.tenant).await?;
    watches::want_push(&mut tx, state.seams.ids.uuid(), &row.tenant, row.id).await?;
    tx.enter_system().await?;
    watch::settle(&mut tx, state, row.account_id, &answer).await?;
    tx.enter_tenant(&row.tenant).await?;
    let watch = watches::lock(&mut tx, row.id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    Ok(watch)
}

/// Somebody else whose share in the account's watch another topic would end: Google keeps one watch for an account. With
/// a topic of the installation's own there is no other to move it to.
async fn on_other_topic(
    tx: &mut Tx,
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
    let history_id = gmail.profile().await.map_err(Error::from_gmail)?.history_id.as_i64();
    let mut tx = state.db.system().await?;
    let account = google_accounts::lock(&mut tx, row.account_id).await?;
    tx.enter_tenant(&row.tenant).await?;
    let now = WatchNow { watch_type: "polling", state: "active", history_id, expires_at: None };
    let before = watches::lock(&mut tx, row.id).await?;
    let watch = watches::set(&mut tx, state.seams.ids.uuid(), &row.tenant, row.id, now).await?;
    let again = before.is_some_and(|before| before.state == "active" && before.watch_type == "polling");
    let change = if again { WatchChange::Renewed } else { WatchChange::Started };
    events::watch(&mut tx, &state.seams, row, &watch, change, trace).await?;
    stop_unwanted(&mut tx, state, &account).await?;
    tx.commit().await?;
    state.wake.watches.notify_one();
    Ok(watch)
}

/// Ends the share of the connector meant; nothing to stop is fine too.
pub async fn stop(
    state: &State,
    owner: &Owner,
    named: Option<ConnectorId>,
    trace: Option<TraceContext>,
) -> Result<(), Error> {
    let Some(seen) = select::meant(state, owner, named).await? else { return Ok(()) };
    let mut tx = state.db.system().await?;
    let account = google_accounts::lock(&mut tx, seen.account_id).await?;
    tx.enter_tenant(&seen.tenant).await?;
    let row = connectors::get(&mut tx, seen.id).await?.ok_or(Error::NotFound)?;
    let Some(watch) = watches::lock(&mut tx, row.id).await?.filter(|watch| watch.state != "stopped") else {
        return Ok(());
    };
    let stopped =
        WatchNow { watch_type: &watch.watch_type, state: "stopped", history_id: watch.history_id, expires_at: None };
    let watch = watches::set(&mut tx, watch.id, &row.tenant, row.id, stopped).await?;
    events::watch(&mut tx, &state.seams, &row, &watch, WatchChange::Stopped, trace).await?;
    stop_unwanted(&mut tx, state, &account).await?;
    tx.commit().await?;
    state.wake.watches.notify_one();
    Ok(())
}

/// Google's watch ends once no live connector has a share in it. Leaves the transaction in the system role.
async fn stop_unwanted(tx: &mut Tx, state: &State, account: &Account) -> Result<(), Error> {
    tx.enter_system().await?;
    if !members::live(tx, account).await?.iter().any(|member| member.watched) {
        watch_due::unwant(tx, account.id, Some(state.seams.clock.now())).await?;
    }
    Ok(())
}
