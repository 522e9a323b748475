//! One publishing channel; a stream always has the same one, because only a channel keeps order. Works in rounds: takes what waits, publishes it all, and answers only when every confirm of
//! the round is settled.
//!
//! Rounds exist because lapin hands a returned message to whichever confirm settles next, not to its own. After the
//! last confirm of a round all its returns have surfaced, and they are matched by message id. A round that does not
//! settle whole (connection lost, blocked, timeout) fails whole: an acknowledged message in it may have been returned.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::link::{Link, Session};
use super::outgoing::Outgoing;
use super::{AmqpError, answered, codec, topology};
use crate::metrics::Metrics;
use crate::publisher::{BrokerState, PublishError};

/// Most messages in one round.
pub(super) const ROUND: usize = 256;
/// How many lanes one client has.
pub(super) const LANES: usize = 4;
/// How long a round's confirms may take altogether.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

/// Messages of one caller, at most [`ROUND`], and where their results go.
pub(super) struct Job {
    pub messages: Vec<Outgoing>,
    pub answer: oneshot::Sender<Vec<Result<(), PublishError>>>,
}

/// What a lane takes from.
pub(super) type Jobs = Arc<Mutex<mpsc::Receiver<Job>>>;

/// A lane and the channel it holds.
pub(super) struct Lane {
    link: Link,
    metrics: Metrics,
    open: Option<(Arc<Session>, Channel)>,
    /// A channel failed while its connection lived: an exchange or queue may be gone.
    suspicious: bool,
}

impl Lane {
    pub fn new(link: Link, metrics: Metrics) -> Self {
        Self { link, metrics, open: None, suspicious: false }
    }

    /// Works until every publisher is dropped.
    pub async fn run(mut self, jobs: Jobs) {
        while let Some(mut round) = take(&jobs).await {
            let mut messages: Vec<Outgoing> = Vec::new();
            let sizes: Vec<usize> = round.iter().map(|job| job.messages.len()).collect();
            for job in &mut round {
                messages.append(&mut job.messages);
            }
            let timer = self.metrics.publish_seconds.start_timer();
            let mut results = self.round(&messages).await.into_iter();
            drop(timer);
            for (job, size) in round.into_iter().zip(sizes) {
                // A caller that went away does not want to know.
                let _gone = job.answer.send(results.by_ref().take(size).collect());
            }
        }
    }

    async fn round(&mut self, messages: &[Outgoing]) -> Vec<Result<(), PublishError>> {
        match self.try_round(messages).await {
            Ok(results) => results,
            Err(error) => {
                self.open = None;
                vec![Err(error); messages.len()]
            }
        }
    }

    async fn try_round(&mut self, messages: &[Outgoing]) -> Result<Vec<Result<(), PublishError>>, PublishError> {
        match self.link.state() {
            BrokerState::Ready => {}
            BrokerState::Blocked => return Err(PublishError::Blocked),
            BrokerState::Down => return Err(PublishError::Unavailable),
        }
        let session = self.link.session().ok_or(PublishError::Unavailable)?;
        let channel = match self.channel(&session).await {
            Ok(channel) => channel,
            Err(error) => {
                tracing::warn!(error = %error, "no channel to publish on");
                self.suspicious = true;
                return Err(PublishError::Unavailable);
            }
        };
        let settled = tokio::time::timeout(CONFIRM_TIMEOUT, settle(&channel, messages));
        tokio::select! {
            biased;
            settled = settled => match settled {
                Ok(Ok(results)) => Ok(results),
                Ok(Err(error)) => {
                    tracing::warn!(messages = messages.len(), error = %error, "a round of messages failed");
                    self.suspicious = session.connection.status().connected();
                    Err(PublishError::Unavailable)
                }
                Err(_elapsed) => Err(PublishError::Timeout),
            },
            state = self.link.unusable(&session) => Err(match state {
                BrokerState::Blocked => PublishError::Blocked,
                BrokerState::Ready | BrokerState::Down => PublishError::Unavailable,
            }),
        }
    }

    /// The lane's channel on this connection, in confirm mode.
    async fn channel(&mut self, session: &Arc<Session>) -> Result<Channel, AmqpError> {
        if let Some((of, channel)) = &self.open
            && Arc::ptr_eq(of, session)
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        let channel = session.channel().await?;
        if std::mem::take(&mut self.suspicious) {
            topology::declare(&channel, &postrider_contracts::Topology::CURRENT).await?;
        }
        answered(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        self.open = Some((session.clone(), channel.clone()));
        Ok(channel)
    }
}

/// The next round: waits for one job, adds what waits beside it. `None`: no publisher is left.
async fn take(jobs: &Jobs) -> Option<Vec<Job>> {
    let mut jobs = jobs.lock().await;
    let first = jobs.recv().await?;
    let mut messages = first.messages.len();
    let mut round = vec![first];
    while messages < ROUND
        && let Ok(job) = jobs.try_recv()
    {
        messages += job.messages.len();
        round.push(job);
    }
    Some(round)
}

/// Publishes all, then waits for all confirms. An error means that nothing is known about any of them.
async fn settle(channel: &Channel, messages: &[Outgoing]) -> lapin::Result<Vec<Result<(), PublishError>>> {
    let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut confirms = Vec::with_capacity(messages.len());
    for message in messages {
        let (exchange, key) = (message.exchange.into(), message.routing_key.clone());
        let published = channel.basic_publish(exchange, key, mandatory, &message.payload, message.properties.clone());
        confirms.push(published.await?);
    }
    let (mut results, mut returned) = (Vec::with_capacity(messages.len()), HashSet::new());
    for confirm in confirms {
        let (result, carried) = match confirm.await? {
            Confirmation::Ack(carried) => (Ok(()), carried),
            Confirmation::Nack(carried) => (Err(PublishError::Nacked), carried),
            Confirmation::NotRequested => (Err(PublishError::Timeout), None),
        };
        results.push(result);
        if let Some(carried) = carried {
            returned.insert(codec::message_id(&carried.properties).to_owned());
        }
    }
    if !returned.is_empty() {
        for (result, message) in results.iter_mut().zip(messages) {
            if returned.contains(codec::message_id(&message.properties)) {
                *result = Err(PublishError::Returned);
            }
        }
    }
    Ok(results)
}
