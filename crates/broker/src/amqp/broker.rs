//! The broker client of one process.

use std::sync::Arc;

use postrider_domain::Secret;
use postrider_runtime::Context;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::consumer::Consumer;
use super::lane::{LANES, Lane};
use super::link::{Keeper, Link};
use super::live::Live;
use super::publisher::AmqpPublisher;
use crate::handler::Handler;
use crate::metrics::Metrics;
use crate::publisher::Publisher;
use crate::transport::{ConsumerConfig, Transport};

/// Most jobs that wait for one lane; publishing waits beyond it.
const JOBS: usize = 256;

/// Where the broker is and who asks.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// `amqp://user:password@host:port/vhost`.
    pub url: Secret,
    /// Shown in RabbitMQ's list of connections.
    pub service: &'static str,
}

/// A client of RabbitMQ: one connection for publishing, one for consuming. Clones share them; the connections are
/// closed when the service stops and the last clone and publisher are dropped.
#[derive(Clone)]
pub struct Broker {
    publisher: Arc<AmqpPublisher>,
    consume: Link,
    live: Live,
    cx: Context,
    metrics: Metrics,
}

impl Broker {
    /// Returns at once. From then on the client connects for ever (waits grow to 30 s, jittered), declares the whole
    /// topology on each connect, and restarts consumers.
    pub fn start(config: BrokerConfig, cx: &Context) -> Self {
        let metrics = Metrics::new(&cx.registry);
        let unused = CancellationToken::new();
        let link = |purpose: &'static str, task: &'static str| {
            let life = (cx.shutdown.clone(), unused.clone());
            let entropy = cx.seams.entropy.clone();
            let (keeper, link) = Keeper::new((&config.url, config.service, purpose), entropy, life, metrics.clone());
            let keeper = Arc::new(keeper);
            cx.tasks.supervise(task, cx.shutdown.clone(), move || {
                let keeper = keeper.clone();
                async move { keeper.keep().await }
            });
            link
        };
        let (publish, consume) = (link("publish", "broker.publish_link"), link("consume", "broker.consume_link"));
        let jobs = std::array::from_fn::<_, LANES, _>(|_lane| {
            let (jobs, receiver) = mpsc::channel(JOBS);
            let (link, metrics, receiver) = (publish.clone(), metrics.clone(), Arc::new(Mutex::new(receiver)));
            let soft = cx.shutdown.soft.clone();
            cx.tasks.supervise("broker.publish_lane", cx.shutdown.clone(), move || {
                let (lane, receiver, soft) = (Lane::new(link.clone(), metrics.clone()), receiver.clone(), soft.clone());
                async move {
                    lane.run(receiver).await;
                    soft.cancelled().await;
                }
            });
            jobs
        });
        let live = Live::start(publish.clone(), consume.clone(), metrics.clone(), cx);
        let _in_use = Arc::new(unused.drop_guard());
        let publisher = AmqpPublisher::new(jobs, publish, cx.seams.clock.clone(), metrics.clone(), _in_use);
        Self { publisher: Arc::new(publisher), consume, live, cx: cx.clone(), metrics }
    }

    /// The publisher of this client.
    pub fn publisher(&self) -> Arc<dyn Publisher> {
        self.publisher.clone()
    }

    /// Runs the handler on its queue until the soft stop: what it began is finished and acknowledged, what was only
    /// fetched is delivered again to somebody else.
    pub fn consume(&self, handler: Arc<dyn Handler>, config: ConsumerConfig) {
        let consumer = Arc::new(Consumer {
            publisher: self.publisher.clone(),
            link: self.consume.clone(),
            seams: self.cx.seams.clone(),
            soft: self.cx.shutdown.soft.clone(),
            metrics: self.metrics.clone(),
            handler,
            config,
        });
        // The task holds the consumer, and with it the publisher, only until it ends at the soft stop.
        self.cx.tasks.supervise(consumer.handler.queue().name, self.cx.shutdown.clone(), move || {
            let consumer = consumer.clone();
            async move { consumer.run().await }
        });
    }

    /// Hints between replicas.
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// Waits until publishing is possible.
    pub async fn ready(&self) {
        self.publisher.link.clone().ready().await;
    }
}

impl Transport for Broker {
    fn publisher(&self) -> Arc<dyn Publisher> {
        Self::publisher(self)
    }

    fn consume(&self, handler: Arc<dyn Handler>, config: ConsumerConfig) {
        Self::consume(self, handler, config);
    }

    fn live(&self) -> Live {
        Self::live(self)
    }
}
