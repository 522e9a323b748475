//! One consumer: a channel of its own, batches to the handler, a settlement for each delivery.

mod settle;

use std::sync::Arc;
use std::time::Duration;

use lapin::Channel;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use postrider_domain::Seams;
use postrider_runtime::Backoff;
use tokio_util::sync::CancellationToken;

use super::gather::{Gathered, gather};
use super::link::{Link, Session};
use super::publisher::AmqpPublisher;
use super::{AmqpError, answered, topology};
use crate::handler::Handler;
use crate::metrics::Metrics;
use crate::transport::ConsumerConfig;

/// Between two tries on a live connection.
const RESTART: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// A handler on its queue.
pub(super) struct Consumer {
    pub publisher: Arc<AmqpPublisher>,
    pub link: Link,
    pub seams: Seams,
    pub soft: CancellationToken,
    pub metrics: Metrics,
    pub handler: Arc<dyn Handler>,
    pub config: ConsumerConfig,
}

/// How a consumer's channel ended.
pub(super) enum End {
    Stopped,
    Lost(String),
}

impl Consumer {
    /// Consumes until the soft stop, over any number of connections and channels.
    pub async fn run(&self) {
        let queue = self.handler.queue().name;
        let mut link = self.link.clone();
        let mut failures = 0;
        loop {
            let session = tokio::select! {
                session = link.up() => session,
                () = self.soft.cancelled() => return,
            };
            let mut handled = 0;
            let why = match self.consume(&session, &mut handled).await {
                Ok(End::Stopped) => return,
                Ok(End::Lost(why)) => why,
                Err(error) => error.to_string(),
            };
            tracing::warn!(queue, error = %why, "consumer lost, starting again");
            failures = if handled > 0 { 0 } else { failures + 1 };
            tokio::select! {
                () = tokio::time::sleep(RESTART.delay(failures, self.seams.entropy.unit())) => {}
                () = self.soft.cancelled() => return,
            }
        }
    }

    async fn consume(&self, session: &Arc<Session>, handled: &mut u64) -> Result<End, AmqpError> {
        let channel = session.channel().await?;
        let mut deliveries = self.subscribe(&channel).await?;
        tracing::info!(queue = self.handler.queue().name, "consuming");
        let mut busy = false;
        loop {
            let batch = match gather(&mut deliveries, self.config, busy, &self.soft).await {
                Gathered::Batch(batch) => batch,
                Gathered::Lost(why) => return Ok(End::Lost(why)),
                Gathered::Stopped => {
                    // What was fetched and not begun goes back to the queue with the channel.
                    let _late = answered(channel.close(200, "stopped".into())).await;
                    return Ok(End::Stopped);
                }
            };
            busy = batch.len() > 1;
            if let Some(end) = self.settle(&channel, batch).await? {
                return Ok(end);
            }
            *handled += 1;
        }
    }

    async fn subscribe(&self, channel: &Channel) -> Result<lapin::Consumer, AmqpError> {
        let queue = self.handler.queue();
        // The queue may have been deleted under a living connection: that is one way to get here.
        topology::declare_queue(channel, queue).await?;
        answered(channel.basic_qos(self.config.prefetch, BasicQosOptions::default())).await?;
        let options = BasicConsumeOptions::default();
        answered(channel.basic_consume(queue.name.into(), "".into(), options, FieldTable::default())).await
    }
}
