//! `connector.*` and `watch.*`: accounts come, change and end. Only what is newer than the row is taken.

use std::time::Duration;

use async_trait::async_trait;
use postrider_contracts::connector::{
    ConnectorConnected, ConnectorDisconnected, ConnectorReauthRequired, ConnectorState, ConnectorUpdated, WatchLapsed,
    WatchRenewed, WatchStarted, WatchState, WatchStopped,
};
use postrider_contracts::topology::SYNC_WORKER_CONNECTOR;
use postrider_contracts::{Envelope, EnvelopeError, Event, Queue};
use postrider_domain::{AccountStatus, ConnectorId, RunId};
use postrider_events::streams::{Applied, Applier, ApplyError};
use postrider_storage::TenantTx;

use crate::state::State;
use crate::store::mailboxes::news::{self, AccountNews, WatchNews};
use crate::store::{erasures, runs};

/// When a watch is looked at again whose mailbox is not there.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Applies what connector says to mailbox rows.
pub struct ConnectorEvents {
    state: State,
}

/// What an event says.
enum News {
    Account(Box<ConnectorState>),
    Watch(WatchState, bool),
    /// A type this version does not know: somebody newer speaks.
    Unknown,
}

impl ConnectorEvents {
    pub fn new(state: State) -> Self {
        Self { state }
    }

    fn read(event: &Envelope) -> Result<News, EnvelopeError> {
        let missing = EnvelopeError::Missing("connector");
        let account =
            |state: Option<ConnectorState>| state.map(|state| News::Account(Box::new(state))).ok_or(missing.clone());
        let watch =
            |state: Option<WatchState>, live| state.map(|state| News::Watch(state, live)).ok_or(missing.clone());
        match event.event_type.as_str() {
            ConnectorConnected::TYPE => account(event.decode::<ConnectorConnected>()?.connector),
            ConnectorUpdated::TYPE => account(event.decode::<ConnectorUpdated>()?.connector),
            ConnectorReauthRequired::TYPE => account(event.decode::<ConnectorReauthRequired>()?.connector),
            ConnectorDisconnected::TYPE => account(event.decode::<ConnectorDisconnected>()?.connector),
            WatchStarted::TYPE => watch(event.decode::<WatchStarted>()?.watch, true),
            WatchRenewed::TYPE => watch(event.decode::<WatchRenewed>()?.watch, true),
            WatchLapsed::TYPE => watch(event.decode::<WatchLapsed>()?.watch, false),
            WatchStopped::TYPE => watch(event.decode::<WatchStopped>()?.watch, false),
            _ => Ok(News::Unknown),
        }
    }
}

/// The run under which the erasure is looked up. An event without one is answered by the account's own id.
fn erase_run(news: &AccountNews) -> RunId {
    news.state.erase_run_id.parse().unwrap_or(RunId(news.connector.0))
}

#[async_trait]
impl Applier for ConnectorEvents {
    fn consumer(&self) -> &'static str {
        SYNC_WORKER_CONNECTOR.name
    }

    fn queue(&self) -> &'static Queue {
        &SYNC_WORKER_CONNECTOR
    }

    async fn apply(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError> {
        let news = match Self::read(event) {
            Ok(news) => news,
            Err(error) => return Ok(Applied::DeadLetter(error.to_string())),
        };
        let now = self.state.seams.clock.now();
        let id = match &news {
            News::Account(state) => state.connector_id.parse::<ConnectorId>(),
            News::Watch(watch, _) => watch.connector_id.parse::<ConnectorId>(),
            News::Unknown => return Ok(Applied::Done),
        };
        let Ok(id) = id else { return Ok(Applied::DeadLetter("the connector id is not a UUID".to_owned())) };
        match news {
            News::Account(state) => {
                let Some(tenant) = &event.tenant else {
                    return Ok(Applied::DeadLetter("the event names no tenant".to_owned()));
                };
                let (Ok(status), Ok(owner)) = (state.status.parse(), state.owner.parse()) else {
                    return Ok(Applied::DeadLetter("status or owner is not valid".to_owned()));
                };
                let news = AccountNews { tenant: tenant.clone(), connector: id, owner, status, state: *state };
                if news::apply_account(tx, &news, now).await? {
                    let (engine, erase) = (self.state.engine.clone(), news.state.erase);
                    if news.status == AccountStatus::Disconnected {
                        runs::supersede_unfinished(tx, &news.tenant, id, now).await?;
                    }
                    if erase {
                        erasures::ask(tx, &news.tenant, id, erase_run(&news), now).await?;
                    }
                    tx.on_commit(move || {
                        engine.wakes().marked(&[id]);
                        if erase {
                            engine.wakes().erase().notify_one();
                        }
                    });
                }
            }
            News::Watch(watch, live) => {
                if news::apply_watch(tx, id, &watch, live, now).await? == WatchNews::NoMailbox {
                    let reason = "the mailbox of a watch is not known yet".to_owned();
                    return Err(ApplyError::Retry { after: RETRY_AFTER, reason });
                }
            }
            News::Unknown => {}
        }
        Ok(Applied::Done)
    }
}
