//! The relay: publishes committed rows with confirms and marks them off the path.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use postrider_broker::{BrokerState, PublishError, Publisher};
use postrider_domain::EventId;
use postrider_runtime::telemetry::metrics;
use postrider_runtime::{Shutdown, Tasks};
use postrider_storage::{Db, Error, sql};
use prometheus::{IntCounter, IntCounterVec, Registry};
use tokio::sync::{Mutex, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::backlog::Backlog;
use super::breaker::Breakers;
use super::hand_over::HandOver;
use super::marks::Marks;
use super::rows::{OutboxRow, StoredEvent, outbox_columns};

/// Events in one publish call.
const BATCH: usize = 256;
/// Publish calls under way at once; with `BATCH` this bounds what is unconfirmed.
const IN_FLIGHT: usize = 8;
/// How often the table is looked at for what the hand-over did not bring.
const POLL: Duration = Duration::from_secs(1);

/// Sends one service's outbox. Run exactly one for each process; many processes may run one each.
#[derive(Clone)]
pub struct Relay {
    db: Db,
    publisher: Arc<dyn Publisher>,
    /// Behind a lock only so that a relay that is started again finds it.
    handed: Arc<Mutex<mpsc::Receiver<Vec<StoredEvent>>>>,
    metrics: Metrics,
    backlog: Backlog,
}

#[derive(Clone)]
struct Metrics {
    published: IntCounter,
    deferred: IntCounterVec,
}

type Published = (Vec<StoredEvent>, Vec<Result<(), PublishError>>);

impl Relay {
    /// Takes the pool's hand-over; a second relay on the same pool gets rows by polling only.
    pub fn new(db: Db, publisher: Arc<dyn Publisher>, registry: &Registry) -> Self {
        let (hand_over, handed) = HandOver::new(publisher.clone());
        let _first = db.attach(hand_over);
        let metrics = Metrics {
            published: metrics::counter(registry, "postrider_outbox_published_total", "Events published and confirmed"),
            deferred: metrics::counter_vec(
                registry,
                "postrider_outbox_deferred_total",
                "Publishes that failed and wait for another try",
                &["event_type"],
            ),
        };
        let backlog = Backlog::new(db.clone(), registry);
        Self { db, publisher, handed: Arc::new(Mutex::new(handed)), metrics, backlog }
    }

    /// Runs it as a task that is started again should it ever end before the soft stop: what the lost one had taken over
    /// is found in the table again.
    pub fn start(self, tasks: &Tasks, shutdown: &Shutdown) {
        let stop = shutdown.soft.clone();
        tasks.supervise("outbox.relay", shutdown.clone(), move || self.clone().run(stop.clone()));
    }

    /// Works until `stop`, then publishes what was handed over already and marks it.
    pub async fn run(self, stop: CancellationToken) {
        let (marks, marking) = Marks::new(self.db.clone());
        let backlog = self.backlog.clone();
        tokio::join!(self.publish_until(stop.clone(), marks), marking.run(), backlog.watch(stop));
    }

    async fn publish_until(self, stop: CancellationToken, marks: Marks) {
        let (receiver, mut breakers) = (self.handed.clone(), Breakers::default());
        let mut receiver = receiver.lock().await;
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut in_flight = FuturesUnordered::new();
        let mut handed = Vec::new();
        loop {
            tokio::select! {
                biased;
                Some(done) = in_flight.next(), if !in_flight.is_empty() => {
                    self.settle(done, &marks, &mut breakers).await;
                }
                taken = receiver.recv_many(&mut handed, BATCH), if in_flight.len() < IN_FLIGHT => {
                    if taken == 0 {
                        break;
                    }
                    for batch in self.admit(handed.drain(..).flatten().collect(), &breakers) {
                        in_flight.push(publish(self.publisher.clone(), batch));
                    }
                }
                _ = poll.tick(), if in_flight.len() < IN_FLIGHT => {
                    for batch in self.poll(&breakers).await {
                        in_flight.push(publish(self.publisher.clone(), batch));
                    }
                }
                () = stop.cancelled() => break,
            }
        }
        // What was committed and handed over before the stop still goes out; the rest waits in its table.
        while let Ok(events) = receiver.try_recv() {
            for batch in self.admit(events, &breakers) {
                in_flight.push(publish(self.publisher.clone(), batch));
            }
        }
        while let Some(done) = in_flight.next().await {
            self.settle(done, &marks, &mut breakers).await;
        }
    }

    /// Leaves out what must wait (broker away, key paused): the poll finds those rows again.
    fn admit(&self, events: Vec<StoredEvent>, breakers: &Breakers) -> Vec<Vec<StoredEvent>> {
        if self.publisher.state() != BrokerState::Ready {
            return Vec::new();
        }
        let now = Instant::now();
        let allowed = events.into_iter().filter(|event| breakers.allows(&event.envelope.event_type, now));
        let mut batches: Vec<Vec<StoredEvent>> = Vec::new();
        for event in allowed {
            match batches.last_mut() {
                Some(batch) if batch.len() < BATCH => batch.push(event),
                _ => batches.push(vec![event]),
            }
        }
        batches
    }

    async fn poll(&self, breakers: &Breakers) -> Vec<Vec<StoredEvent>> {
        if self.publisher.state() != BrokerState::Ready {
            return Vec::new();
        }
        match claim(&self.db).await {
            Ok(events) => self.admit(events, breakers),
            Err(error) => {
                tracing::warn!(%error, "outbox: cannot look for waiting events");
                Vec::new()
            }
        }
    }

    async fn settle(&self, (events, results): Published, marks: &Marks, breakers: &mut Breakers) {
        let now = Instant::now();
        let mut failed: Vec<Failed> = Vec::new();
        for (event, result) in events.into_iter().zip(results) {
            let key = &event.envelope.event_type;
            match result {
                Ok(()) => {
                    breakers.succeeded(key);
                    self.metrics.published.inc();
                    marks.sent(event.day, event.envelope.id);
                }
                Err(error) => {
                    if matches!(error, PublishError::Nacked | PublishError::Returned) {
                        breakers.failed(key, now);
                    }
                    let reason = error.to_string();
                    self.metrics.deferred.with_label_values(&[key.as_str()]).inc();
                    let wait = f64::from(1_u32 << event.attempts.clamp(0, 6)).min(60.0);
                    failed.push(Failed { day: event.day, id: event.envelope.id, wait, reason });
                }
            }
        }
        if !failed.is_empty() {
            let first = failed.first().map(|first| first.reason.clone()).unwrap_or_default();
            tracing::warn!(events = failed.len(), reason = %first, "outbox: publishes deferred");
            if let Err(error) = defer(&self.db, &failed).await {
                tracing::warn!(%error, "outbox: cannot note deferred events; they are found again by time");
            }
        }
    }
}

async fn publish(publisher: Arc<dyn Publisher>, events: Vec<StoredEvent>) -> Published {
    let results = publisher.publish(events.iter().map(|event| event.envelope.clone()).collect()).await;
    (events, results)
}

/// Takes rows whose time has come; another relay does not see them for 30 s.
async fn claim(db: &Db) -> Result<Vec<StoredEvent>, Error> {
    let tx = db.system().await?;
    let rows = sql(concat!(
        "UPDATE outbox SET available_at = clock_timestamp() + interval '30 seconds' WHERE (day, id) IN \
         (SELECT day, id FROM outbox WHERE sent_at IS NULL AND available_at <= clock_timestamp() \
          ORDER BY available_at LIMIT 1024 FOR UPDATE SKIP LOCKED) RETURNING ",
        outbox_columns!()
    ))
    .load::<OutboxRow>(&tx)
    .await?;
    tx.commit().await?;
    let mut events: Vec<StoredEvent> = rows.into_iter().map(StoredEvent::from).collect();
    events.sort_by(|a, b| a.envelope.position.cmp(&b.envelope.position));
    Ok(events)
}

/// A publish that waits for another try.
struct Failed {
    day: NaiveDate,
    id: EventId,
    /// Seconds.
    wait: f64,
    reason: String,
}

async fn defer(db: &Db, failed: &[Failed]) -> Result<(), Error> {
    let tx = db.system().await?;
    sql("UPDATE outbox SET attempts = attempts + 1, last_error = failed.reason, \
            available_at = clock_timestamp() + make_interval(secs => failed.wait) \
         FROM {failed: day date, id uuid, wait double precision, reason text} \
         WHERE outbox.day = failed.day AND outbox.id = failed.id")
    .column("day", failed.iter().map(|row| row.day))
    .column("id", failed.iter().map(|row| row.id))
    .column("wait", failed.iter().map(|row| row.wait))
    .column("reason", failed.iter().map(|row| row.reason.as_str()))
    .execute(&tx)
    .await?;
    tx.commit().await
}
