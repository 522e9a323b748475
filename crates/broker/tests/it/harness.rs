//! A broker in a fresh vhost, and a handler that records.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use postrider_broker::{Broker, BrokerConfig, ConsumerConfig, Delivered, Handler, Outcome};
use postrider_contracts::{Envelope, Queue};
use postrider_domain::{EventId, Secret};
use postrider_runtime::Context;
use postrider_testing::{TestVhost, eventually};

/// Long enough for a loaded machine; a passing test never waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A client in a vhost of its own.
pub struct Rabbit {
    pub cx: Context,
    pub broker: Broker,
    pub vhost: TestVhost,
}

impl Rabbit {
    pub async fn fresh() -> Self {
        let vhost = TestVhost::fresh().await;
        let (cx, broker) = client(vhost.amqp_url()).await;
        Self { cx, broker, vhost }
    }

    pub async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), postrider_broker::PublishError>> {
        self.broker.publisher().publish(batch).await
    }

    pub async fn depth(&self, queue: &str) -> u32 {
        self.vhost.depth(queue).await.unwrap()
    }

    /// Waits until a queue holds that many messages.
    pub async fn wait_for_depth(&self, queue: &str, depth: u32) {
        eventually(&format!("{depth} in {queue}"), PATIENCE, || async {
            (self.depth(queue).await == depth).then_some(())
        })
        .await;
    }
}

/// A client that is connected.
pub async fn client(url: Secret) -> (Context, Broker) {
    let cx = Context::for_tests();
    let broker = Broker::start(BrokerConfig { url, service: "test" }, &cx);
    tokio::time::timeout(PATIENCE, broker.ready()).await.expect("RabbitMQ is reachable");
    (cx, broker)
}

/// An event of the given type, its number in the payload.
pub fn event(cx: &Context, event_type: &str, number: usize) -> Envelope {
    Envelope {
        id: EventId(cx.seams.ids.uuid()),
        event_type: event_type.to_owned(),
        source: "test".to_owned(),
        time: cx.seams.clock.now(),
        trace: None,
        tenant: None,
        user: None,
        connector: None,
        position: None,
        payload: Bytes::from(format!("{number:08}")),
    }
}

pub fn events(cx: &Context, event_type: &str, count: usize) -> Vec<Envelope> {
    (0..count).map(|number| event(cx, event_type, number)).collect()
}

/// What the script of a [`Recorder`] answers.
pub type Script = Box<dyn Fn(&[Delivered]) -> Vec<Outcome> + Send + Sync>;

/// Records every delivery, then answers what its script says.
pub struct Recorder {
    queue: &'static Queue,
    script: Script,
    seen: Mutex<Vec<Delivered>>,
}

impl Recorder {
    /// Answers each delivery by itself.
    pub fn new(queue: &'static Queue, each: impl Fn(&Delivered) -> Outcome + Send + Sync + 'static) -> Arc<Self> {
        Self::batch(queue, Box::new(move |batch| batch.iter().map(&each).collect()))
    }

    /// Answers whole batches, rightly or not.
    pub fn batch(queue: &'static Queue, script: Script) -> Arc<Self> {
        Arc::new(Self { queue, script, seen: Mutex::default() })
    }

    pub fn seen(&self) -> Vec<Delivered> {
        self.seen.lock().unwrap().clone()
    }

    /// How often each event was delivered.
    pub fn counts(&self) -> HashMap<EventId, usize> {
        let mut counts = HashMap::new();
        for delivered in self.seen() {
            *counts.entry(delivered.envelope.id).or_default() += 1;
        }
        counts
    }

    /// Waits until it saw all of these events.
    pub async fn wait_for(&self, events: &[EventId]) {
        eventually(&format!("{} events", events.len()), PATIENCE, || async {
            let counts = self.counts();
            events.iter().all(|id| counts.contains_key(id)).then_some(())
        })
        .await;
    }
}

#[async_trait]
impl Handler for Recorder {
    fn queue(&self) -> &'static Queue {
        self.queue
    }

    async fn handle(&self, batch: &[Delivered]) -> Vec<Outcome> {
        self.seen.lock().unwrap().extend_from_slice(batch);
        (self.script)(batch)
    }
}

pub fn ids(events: &[Envelope]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

pub fn config() -> ConsumerConfig {
    ConsumerConfig::default()
}
