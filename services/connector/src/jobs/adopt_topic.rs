//! Brings every connector to the installation's topic: those connected before there was one, and those watched on
//! another. What an owner stopped stays stopped; accounts of a former OAuth client cannot be watched by ours.

use std::time::Duration;

use futures_util::StreamExt;
use postrider_domain::ConnectorId;

use crate::actions::watch::adopt::adopt;
use crate::error::Error;
use crate::state::State;
use crate::store::connectors::members;

/// At the start and then seldom: settings change by a restart, and a look reads every connector.
pub const EVERY: Duration = Duration::from_secs(600);
const BATCH: i64 = 256;
const PARALLEL: usize = 4;

/// Looks at all connectors. Returns how many were brought to the topic.
pub async fn turn(state: &State) -> Result<usize, Error> {
    let (Some(topic), Some(google)) = (state.settings.pubsub_topic.as_deref(), &state.google) else { return Ok(0) };
    let clients = google.client_ids();
    let (mut done, mut after) = (0, ConnectorId(uuid::Uuid::nil()));
    loop {
        let tx = state.db.system().await?;
        let found = members::elsewhere(&tx, topic, &clients, after, BATCH).await?;
        tx.commit().await?;
        let Some(last) = found.last() else { break };
        after = last.connector;
        done += found.len();
        futures_util::stream::iter(&found)
            .for_each_concurrent(PARALLEL, |member| async move {
                if let Err(error) = adopt(state, member, topic).await {
                    tracing::warn!(connector.id = %member.connector, %error, "cannot ask for a watch of {} now", member.connector);
                }
            })
            .await;
    }
    if done > 0 {
        tracing::info!(connectors = done, "{done} connectors are brought to GMAIL_PUBSUB_TOPIC");
        state.wake.watches.notify_one();
    }
    Ok(done)
}
