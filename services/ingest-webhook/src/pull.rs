//! The second door: messages are fetched from a subscription instead of being pushed, for machines that Google cannot
//! reach. Any number of replicas may pull one subscription: Pub/Sub gives each message to one of them.
//!
//! A message is acknowledged only after the broker's confirm (law 1). While the broker does not confirm nothing more is
//! pulled, and what was pulled is held; after a minute it is given back, so that a replica whose broker works gets it. A
//! process that dies in between has acknowledged nothing: Pub/Sub gives its messages out again.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use postrider_contracts::TraceContext;
use postrider_domain::EventId;
use postrider_google_auth::pubsub::Push;
use postrider_google_auth::pull::{PullError, Received, Subscription};
use postrider_runtime::Shutdown;
use postrider_runtime::backoff::Backoff;
use tokio::time::Instant;

use crate::observe;
use crate::rules::intake;
use crate::state::State;

/// Messages asked for at once.
const BATCH: u32 = 100;
/// How long messages are held for a broker that does not confirm.
pub const HOLD: Duration = Duration::from_secs(60);
/// The ack deadline while they are held: longer than that, with time for what is under way.
const MARGIN: Duration = Duration::from_secs(20);
/// How often a broker that is away is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Pauses after calls that failed.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// How often an acknowledgement is tried: without it the messages come again, which costs time only.
const ACK_TRIES: u32 = 3;

/// Pulls one subscription.
pub struct Puller {
    state: State,
    subscription: Subscription,
    hold: Duration,
}

/// Messages that are ours until their ack deadline is over, by ack id.
type Held = HashMap<String, Push>;

impl Puller {
    /// Holds messages for `hold` while the broker does not confirm.
    pub fn new(state: State, subscription: Subscription, hold: Duration) -> Self {
        Self { state, subscription, hold }
    }

    /// Pulls until the service stops. What is held then is given back.
    pub async fn run(self, shutdown: Shutdown) {
        tracing::info!(subscription = self.subscription.name(), "pulling from {}", self.subscription.name());
        let mut failures = 0;
        while !shutdown.soft.is_cancelled() {
            if !self.state.confirmer.is_ready() {
                // Messages nobody asked for stay where they are.
                pause(&shutdown, LOOK).await;
                continue;
            }
            let pulled = tokio::select! {
                () = shutdown.soft.cancelled() => break,
                pulled = self.subscription.pull(BATCH) => pulled,
            };
            match pulled {
                Ok(messages) => {
                    failures = 0;
                    observe::pulled(&self.state.metrics, messages.len());
                    self.take(messages, &shutdown).await;
                }
                Err(error) => {
                    observe::pull_failed(&self.state.metrics, &error);
                    pause(&shutdown, RETRY.delay(failures, self.state.seams.entropy.unit())).await;
                    failures = failures.saturating_add(1);
                }
            }
        }
    }

    async fn take(&self, messages: Vec<Received>, shutdown: &Shutdown) {
        let until = Instant::now() + self.hold;
        let (mut held, mut done) = (Held::new(), Vec::new());
        for Received { ack_id, push } in messages {
            match push {
                Err(reason) => {
                    observe::unreadable(&self.state.metrics, reason);
                    done.push(ack_id);
                }
                Ok(push) if self.state.recent.knows(&intake::key(&push)) => {
                    observe::repeated(&self.state.metrics, &push);
                    done.push(ack_id);
                }
                Ok(push) => drop(held.insert(ack_id, push)),
            }
        }
        done.extend(self.publish(&mut held).await);
        self.acknowledge(done).await;
        if !held.is_empty() {
            self.keep(held, until, shutdown).await;
        }
    }

    /// Publishes all of them at once; answers those the broker holds, which are held no more.
    async fn publish(&self, held: &mut Held) -> Vec<String> {
        let results = join_all(held.iter().map(async |(ack_id, push)| {
            let seams = &self.state.seams;
            let trace = TraceContext::start(seams.entropy.as_ref());
            let event = intake::event(push, EventId(seams.ids.uuid()), seams.clock.now(), trace);
            let timer = self.state.metrics.confirm_seconds.start_timer();
            match self.state.confirmer.confirm(event).await {
                Ok(()) => {
                    timer.observe_duration();
                    Some(ack_id.clone())
                }
                Err(error) => {
                    timer.stop_and_discard();
                    observe::pulled_not_stored(&self.state.metrics, error);
                    None
                }
            }
        }))
        .await;
        let stored: Vec<String> = results.into_iter().flatten().collect();
        for push in stored.iter().filter_map(|ack_id| held.remove(ack_id)) {
            self.state.recent.confirmed(intake::key(&push));
            observe::stored(&self.state.metrics, &push);
        }
        stored
    }

    /// Holds what the broker did not take and tries again, until it takes it or the time is over.
    async fn keep(&self, mut held: Held, until: Instant, shutdown: &Shutdown) {
        let ids: Vec<String> = held.keys().cloned().collect();
        let longer = (self.hold + MARGIN).as_secs().min(600);
        if let Err(error) = self.subscription.modify_ack_deadline(&ids, u32::try_from(longer).unwrap_or(600)).await {
            observe::pull_failed(&self.state.metrics, &error);
        }
        while !held.is_empty() && Instant::now() < until && !shutdown.soft.is_cancelled() {
            pause(shutdown, LOOK).await;
            if self.state.confirmer.is_ready() {
                let stored = self.publish(&mut held).await;
                self.acknowledge(stored).await;
            }
        }
        if held.is_empty() {
            return;
        }
        let ids: Vec<String> = held.into_keys().collect();
        match self.subscription.modify_ack_deadline(&ids, 0).await {
            Ok(()) => observe::given_back(&self.state.metrics, ids.len()),
            Err(error) => observe::pull_failed(&self.state.metrics, &error),
        }
    }

    async fn acknowledge(&self, ack_ids: Vec<String>) {
        if ack_ids.is_empty() {
            return;
        }
        for attempt in 0..ACK_TRIES {
            let Err(error) = self.subscription.acknowledge(&ack_ids).await else { return };
            observe::pull_failed(&self.state.metrics, &error);
            if matches!(error, PullError::Refused { .. }) && attempt > 0 {
                return;
            }
            tokio::time::sleep(RETRY.delay(attempt, self.state.seams.entropy.unit())).await;
        }
    }
}

async fn pause(shutdown: &Shutdown, time: Duration) {
    tokio::select! {
        () = shutdown.soft.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
