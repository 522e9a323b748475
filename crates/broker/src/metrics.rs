//! What an operator sees of the broker's client side.

use postrider_runtime::telemetry::metrics::{SECONDS, counter_vec, gauge, gauge_vec, histogram, histogram_vec};
use prometheus::{Histogram, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use crate::batch::Verdict;
use crate::handler::Outcome;
use crate::publisher::{BrokerState, PublishError};

/// All metrics of one broker client. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    published: IntCounterVec,
    pub publish_seconds: Histogram,
    consumed: IntCounterVec,
    pub handle_seconds: HistogramVec,
    state: IntGauge,
    pub connects: IntCounterVec,
    pub live: IntCounterVec,
    pub depth: IntGaugeVec,
}

impl Metrics {
    pub fn new(registry: &Registry) -> Self {
        Self {
            published: counter_vec(
                registry,
                "postrider_broker_published_total",
                "Messages handed to the broker, by what became of them.",
                &["result"],
            ),
            publish_seconds: histogram(
                registry,
                "postrider_broker_publish_seconds",
                "From handing a round of messages to the broker to its last confirm.",
                SECONDS,
            ),
            consumed: counter_vec(
                registry,
                "postrider_broker_consumed_total",
                "Deliveries, by queue and what was decided about them.",
                &["queue", "outcome"],
            ),
            handle_seconds: histogram_vec(
                registry,
                "postrider_broker_handle_seconds",
                "One call of a queue's handler, with a batch of up to 64 deliveries.",
                &["queue"],
                SECONDS,
            ),
            state: gauge(
                registry,
                "postrider_broker_state",
                "Publishing: 2 possible, 1 blocked by the broker's memory or disk alarm, 0 no connection.",
            ),
            connects: counter_vec(
                registry,
                "postrider_broker_connects_total",
                "Connections made to the broker, by purpose; more than one means it was lost.",
                &["purpose"],
            ),
            live: counter_vec(
                registry,
                "postrider_broker_live_total",
                "Live hints between replicas: sent, dropped (no connection, too many), received.",
                &["result"],
            ),
            depth: gauge_vec(
                registry,
                "postrider_broker_queue_messages",
                "Messages in the queues that should be empty: unrouted and dead letters.",
                &["queue"],
            ),
        }
    }

    /// Counts the results of a publish.
    pub fn published(&self, results: &[Result<(), PublishError>]) {
        for result in results {
            let label = match result {
                Ok(()) => "confirmed",
                Err(PublishError::Unavailable) => "unavailable",
                Err(PublishError::Blocked) => "blocked",
                Err(PublishError::Nacked) => "nacked",
                Err(PublishError::Returned) => "returned",
                Err(PublishError::Timeout) => "timeout",
            };
            self.published.with_label_values(&[label]).inc();
        }
    }

    /// Counts a verdict on a delivery of the queue.
    pub fn consumed(&self, queue: &str, verdict: &Verdict) {
        let label = match verdict {
            Verdict::Decided(Outcome::Done) => "done",
            Verdict::Decided(Outcome::Retry { .. }) => "retry",
            Verdict::Decided(Outcome::DeadLetter { .. }) => "dead_letter",
            Verdict::Crashed => "crashed",
        };
        self.consumed.with_label_values(&[queue, label]).inc();
    }

    pub fn state(&self, state: BrokerState) {
        self.state.set(match state {
            BrokerState::Ready => 2,
            BrokerState::Blocked => 1,
            BrokerState::Down => 0,
        });
    }
}
