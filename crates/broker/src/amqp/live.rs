//! Hints between replicas: "something new for this key". Nothing durable rides on them; who listens reads the rows
//! again on [`LiveEvent::Reconnected`], because hints of the time without a connection are gone.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use lapin::Channel;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use postrider_contracts::LIVE_EXCHANGE;
use postrider_runtime::Context;
use tokio::sync::{Mutex, broadcast, mpsc, oneshot};

use super::link::Link;
use super::live_publish::{self, Hint};
use super::{AmqpError, answered};
use crate::metrics::Metrics;

/// Hints a slow listener may be behind before it is told [`LiveEvent::Reconnected`] instead.
const BEHIND: usize = 4_096;
/// Hints the broker keeps for us; older ones are dropped.
const QUEUED: i64 = 10_000;

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent {
    /// A hint for a bound key.
    Message { key: String, bytes: Bytes },
    /// Hints may have been missed: read what is stored.
    Reconnected,
}

/// The live exchange of one process: one transient queue, however many listeners. Clones share it.
#[derive(Clone)]
pub struct Live(Option<Connected>);

#[derive(Clone)]
struct Connected {
    hints: mpsc::Sender<Hint>,
    commands: mpsc::UnboundedSender<Command>,
    events: broadcast::Sender<LiveEvent>,
    metrics: Metrics,
}

struct Command {
    key: ShortString,
    bind: bool,
    done: oneshot::Sender<()>,
}

impl Live {
    pub(super) fn start(publish: Link, consume: Link, metrics: Metrics, cx: &Context) -> Self {
        let hints = live_publish::start(publish, metrics.clone(), cx);
        let (commands, receiver) = mpsc::unbounded_channel();
        let (events, _no_listener_yet) = broadcast::channel(BEHIND);
        let state = Arc::new(Mutex::new(Listener {
            link: consume,
            commands: receiver,
            bound: HashMap::new(),
            events: events.clone(),
            metrics: metrics.clone(),
        }));
        let soft = cx.shutdown.soft.clone();
        cx.tasks.supervise("broker.live", cx.shutdown.clone(), move || {
            let (state, soft) = (state.clone(), soft.clone());
            async move {
                tokio::select! {
                    result = async { state.lock().await.listen().await } => result,
                    () = soft.cancelled() => Ok(()),
                }
            }
        });
        Self(Some(Connected { hints, commands, events, metrics }))
    }

    /// Where there is no other replica: what is sent reaches nobody, and nothing is heard.
    pub fn alone() -> Self {
        Self(None)
    }

    /// Sends a hint to whoever has bound the key, in any replica. Never waits; with no connection, or too many hints
    /// waiting, it is dropped and counted.
    pub fn publish(&self, key: &str, bytes: impl Into<Bytes>) {
        let Some(to) = &self.0 else { return };
        let sent = ShortString::try_new(key).ok().map(|key| to.hints.try_send(Hint { key, bytes: bytes.into() }));
        if !matches!(sent, Some(Ok(()))) {
            to.metrics.live.with_label_values(&["dropped"]).inc();
        }
    }

    /// Hears hints of all keys bound in this process, from now on.
    pub fn subscribe(&self) -> LiveStream {
        LiveStream(self.0.as_ref().map(|from| from.events.subscribe()))
    }

    /// Asks for hints of a key (topic patterns work too) once more; counted, see [`Live::unbind`]. Returns when the
    /// broker has it, or at once without a connection: then it is bound on the next one.
    pub async fn bind(&self, key: &str) {
        self.command(key, true).await;
    }

    /// Takes one [`Live::bind`] of the key back; with the last one the hints stop.
    pub async fn unbind(&self, key: &str) {
        self.command(key, false).await;
    }

    async fn command(&self, key: &str, bind: bool) {
        let Some(to) = &self.0 else { return };
        let (done, wait) = oneshot::channel();
        let Ok(key) = ShortString::try_new(key) else { return };
        if to.commands.send(Command { key, bind, done }).is_ok() {
            // Fails when the service stops: then nobody needs the hints any more.
            let _stopped = wait.await;
        }
    }
}

/// What one listener has not heard yet.
pub struct LiveStream(Option<broadcast::Receiver<LiveEvent>>);

impl LiveStream {
    /// The next event; `None` when the service stops. Where there is no other replica none ever comes.
    pub async fn next(&mut self) -> Option<LiveEvent> {
        let Some(events) = &mut self.0 else { return std::future::pending().await };
        match events.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(LiveEvent::Reconnected),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// As a stream.
    pub fn into_stream(self) -> impl Stream<Item = LiveEvent> + Send {
        stream::unfold(self, |mut this| async move { this.next().await.map(|event| (event, this)) })
    }
}

/// The task behind it.
struct Listener {
    link: Link,
    commands: mpsc::UnboundedReceiver<Command>,
    bound: HashMap<ShortString, usize>,
    events: broadcast::Sender<LiveEvent>,
    metrics: Metrics,
}

impl Listener {
    /// Listens on the connection of the moment; without one it only remembers what should be bound.
    async fn listen(&mut self) -> anyhow::Result<()> {
        loop {
            let mut link = self.link.clone();
            let session = tokio::select! {
                session = link.up() => session,
                Some(command) = self.commands.recv() => {
                    self.note(&command);
                    let _gone = command.done.send(());
                    continue;
                }
            };
            if let Err(error) = self.on(&session.channel().await?).await {
                tracing::warn!(error = %error, "the live queue is lost");
                if self.link.session().is_some_and(|now| Arc::ptr_eq(&now, &session)) {
                    // The connection lives, or its end is not noticed yet: the supervisor's backoff before the next try.
                    return Err(error.into());
                }
            }
        }
    }

    async fn on(&mut self, channel: &Channel) -> Result<(), AmqpError> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(QUEUED));
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let queue = answered(channel.queue_declare("".into(), options, arguments)).await?.name().clone();
        for key in self.bound.keys() {
            bind(channel, &queue, key).await?;
        }
        let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
        let consume = channel.basic_consume(queue.clone(), "".into(), options, FieldTable::default());
        let mut deliveries = answered(consume).await?;
        let _nobody_listens = self.events.send(LiveEvent::Reconnected);
        loop {
            tokio::select! {
                biased;
                Some(command) = self.commands.recv() => {
                    match self.note(&command) {
                        Change::None => {}
                        Change::Bind => bind(channel, &queue, &command.key).await?,
                        Change::Unbind => {
                            let exchange = LIVE_EXCHANGE.into();
                            answered(channel.queue_unbind(queue.clone(), exchange, command.key, FieldTable::default())).await?;
                        }
                    }
                    let _gone = command.done.send(());
                }
                delivery = deliveries.next() => {
                    let Some(delivery) = delivery else { return Err(lapin::Error::from(lapin::ErrorKind::FutureCompleted).into()) };
                    let delivery = delivery?;
                    self.metrics.live.with_label_values(&["received"]).inc();
                    let event = LiveEvent::Message { key: delivery.routing_key.to_string(), bytes: delivery.data.into() };
                    let _nobody_listens = self.events.send(event);
                }
            }
        }
    }

    /// Counts a command; says what the broker must be told.
    fn note(&mut self, command: &Command) -> Change {
        let count = self.bound.entry(command.key.clone()).or_default();
        *count = if command.bind { *count + 1 } else { count.saturating_sub(1) };
        match *count {
            0 => {
                self.bound.remove(&command.key);
                Change::Unbind
            }
            1 if command.bind => Change::Bind,
            _ => Change::None,
        }
    }
}

enum Change {
    None,
    Bind,
    Unbind,
}

async fn bind(channel: &Channel, queue: &ShortString, key: &ShortString) -> Result<(), AmqpError> {
    let options = QueueBindOptions::default();
    answered(channel.queue_bind(queue.clone(), LIVE_EXCHANGE.into(), key.clone(), options, FieldTable::default())).await
}
