//! Events that can never be applied: passed, among the dead letters, and not brought again and again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use postrider_broker::{Delivered, Handler, MAX_ATTEMPTS, Outcome};
use postrider_contracts::topology::SYNC_WORKER_CONNECTOR;
use postrider_contracts::{Envelope, Queue};
use postrider_domain::{Clock as _, MockClock, SystemClock, Timestamp};
use postrider_events::outbox::Relay;
use postrider_events::streams::{Applied, Applier, ApplyError, EventSource, PullError, StreamConsumer, StreamHead};
use postrider_storage::{TenantTx, Value, sql};
use postrider_testing::db::TestDb;
use postrider_testing::events::{append, base_schema, event, version_of};
use prometheus::Registry;

use crate::harness::FakeBroker;

/// Refuses versions itself, or lets the database refuse them.
#[derive(Default)]
struct Picky {
    poison: Mutex<HashSet<i64>>,
    refused: Mutex<HashSet<i64>>,
    tries: AtomicUsize,
}

#[async_trait]
impl Applier for Picky {
    fn consumer(&self) -> &'static str {
        "picky"
    }

    fn queue(&self) -> &'static Queue {
        &SYNC_WORKER_CONNECTOR
    }

    async fn apply(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError> {
        let version = version_of(event);
        self.tries.fetch_add(1, Ordering::SeqCst);
        if self.poison.lock().unwrap().contains(&version) {
            return Ok(Applied::DeadLetter("poison".into()));
        }
        let head = (!self.refused.lock().unwrap().contains(&version)).then_some(version);
        sql("INSERT INTO streams (stream, tenant, head) VALUES ('effect/' || $1::text, 'acme', $2::bigint)")
            .binds((version, head))
            .execute(tx)
            .await?;
        Ok(Applied::Done)
    }
}

struct Rig {
    test: TestDb,
    picky: Arc<Picky>,
    broker: Arc<FakeBroker>,
    clock: MockClock,
    consumer: StreamConsumer,
    events: Vec<Envelope>,
}

/// `n` events of one stream, and a way to a broker; the relay itself does not run.
async fn rig(n: i64) -> Rig {
    let test = base_schema().await;
    let (picky, broker) = (Arc::new(Picky::default()), Arc::new(FakeBroker::default()));
    let _not_run = Relay::new(test.db.clone(), broker.clone(), &Registry::new());
    append(&test.db, (1..=n).map(|version| event("connector/x", version)).collect()).await;
    let events = test.db.events("connector/x", 0, 1_000).await.unwrap();
    let clock = MockClock::at(SystemClock.now());
    let source = Arc::new(test.db.clone());
    let consumer = StreamConsumer::new(test.db.clone(), picky.clone(), source, Arc::new(clock.clone()));
    Rig { test, picky, broker, clock, consumer, events }
}

impl Rig {
    async fn deliver(&self, number: usize, attempt: u32) -> Outcome {
        let one = Delivered { envelope: self.events[number - 1].clone(), attempt, redelivered: false };
        self.consumer.handle(&[one]).await.remove(0)
    }

    async fn catch_up(&self) -> Option<Timestamp> {
        self.consumer.catch_up(DateTime::UNIX_EPOCH).await.unwrap()
    }

    async fn effects(&self) -> Vec<i64> {
        let tx = self.test.db.system().await.unwrap();
        let heads = sql("SELECT head AS value FROM streams WHERE stream LIKE 'effect/%' ORDER BY head");
        heads.load::<Value<i64>>(&tx).await.unwrap().into_iter().map(|Value(head)| head).collect()
    }

    fn dead(&self) -> Vec<(&'static str, i64, String)> {
        let dead = self.broker.dead.lock().unwrap();
        dead.iter().map(|(queue, event, reason)| (*queue, version_of(event), reason.clone())).collect()
    }

    fn tries(&self) -> usize {
        self.picky.tries.swap(0, Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_the_database_refuses_is_passed_with_its_last_attempt() {
    let rig = rig(3).await;
    rig.picky.refused.lock().unwrap().insert(1);
    for attempt in 1..MAX_ATTEMPTS {
        assert!(matches!(rig.deliver(1, attempt).await, Outcome::Retry { .. }), "{attempt}");
    }
    assert_eq!((rig.deliver(2, 1).await, rig.deliver(3, 1).await), (Outcome::Done, Outcome::Done));
    let last = rig.deliver(1, MAX_ATTEMPTS).await;
    assert!(
        matches!(&last, Outcome::DeadLetter { reason } if reason.starts_with("refused by the database")),
        "{last:?}"
    );
    // Nothing is left to catch up with, and nothing is tried again.
    rig.tries();
    assert_eq!((rig.catch_up().await, rig.tries(), rig.effects().await), (None, 0, vec![2, 3]));
    // Put back after the cause was mended, it takes effect.
    rig.picky.refused.lock().unwrap().clear();
    assert_eq!(rig.deliver(1, 1).await, Outcome::Done);
    assert_eq!(rig.effects().await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulled_event_the_database_refuses_is_given_up_after_a_while() {
    let rig = rig(3).await;
    rig.picky.refused.lock().unwrap().insert(2);
    assert!(rig.catch_up().await.is_some());
    assert_eq!((rig.effects().await, rig.dead().len()), (vec![1, 3], 0));
    rig.clock.advance(TimeDelta::minutes(21));
    assert_eq!(rig.catch_up().await, None);
    let dead = rig.dead();
    assert_eq!((dead.len(), dead[0].0, dead[0].1), (1, "sync-worker.connector", 2), "{dead:?}");
    assert!(dead[0].2.starts_with("refused by the database"), "{dead:?}");
    rig.tries();
    assert_eq!((rig.catch_up().await, rig.tries(), rig.dead().len()), (None, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulled_poison_event_leaves_a_dead_letter_before_it_is_passed() {
    let rig = rig(3).await;
    rig.picky.poison.lock().unwrap().insert(2);
    // Without a broker it is not passed: nobody would ever hear of it.
    rig.broker.set_down(true);
    assert!(rig.catch_up().await.is_some());
    assert_eq!((rig.effects().await, rig.dead()), (vec![1, 3], vec![]));
    rig.broker.set_down(false);
    assert_eq!(rig.catch_up().await, None);
    assert_eq!(rig.dead(), [("sync-worker.connector", 2, "poison".to_owned())]);
    assert_eq!((rig.catch_up().await, rig.dead().len()), (None, 1));
    // Also one that a delivery's gap brings.
    let rig = self::rig(3).await;
    rig.picky.poison.lock().unwrap().insert(2);
    assert_eq!(rig.deliver(3, 1).await, Outcome::Done);
    assert_eq!((rig.effects().await, rig.dead().len()), (vec![1, 3], 1));
}

/// Days inside ids are not moved by a clock, so the clock is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_back_after_the_inbox_forgot_it_is_refused_as_expired() {
    let rig = rig(3).await;
    rig.picky.poison.lock().unwrap().insert(1);
    assert_eq!(rig.deliver(1, 1).await, Outcome::DeadLetter { reason: "poison".to_owned() });
    assert_eq!(rig.deliver(2, 1).await, Outcome::Done);
    rig.picky.poison.lock().unwrap().clear();
    rig.clock.advance(TimeDelta::days(16));
    let admin = rig.test.admin().await;
    sql("DELETE FROM gateway.inbox").execute(&admin).await.unwrap();
    for replayed in [1, 2] {
        assert_eq!(rig.deliver(replayed, 1).await, Outcome::DeadLetter { reason: "expired".to_owned() }, "{replayed}");
    }
    // One that is only late has never been passed: it counts.
    assert_eq!(rig.deliver(3, 1).await, Outcome::Done);
    assert_eq!(rig.effects().await, [2, 3]);
}

/// Answers for one stream and hangs for the other.
struct Half(TestDb);

#[async_trait]
impl EventSource for Half {
    async fn events(&self, stream: &str, after: i64, limit: usize) -> Result<Vec<Envelope>, PullError> {
        if stream == "connector/hangs" {
            std::future::pending::<()>().await;
        }
        self.0.db.events(stream, after, limit).await
    }

    async fn changed_since(&self, since: Timestamp, limit: usize) -> Result<Vec<StreamHead>, PullError> {
        self.0.db.changed_since(since, limit).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_hangs_for_one_stream_holds_no_other() {
    let test = base_schema().await;
    append(&test.db, (1..=2).map(|version| event("connector/hangs", version)).collect()).await;
    append(&test.db, (11..=12).map(|version| event("connector/works", version)).collect()).await;
    let mut batch = Vec::new();
    for stream in ["connector/hangs", "connector/works"] {
        let envelope = test.db.events(stream, 1, 1).await.unwrap().remove(0);
        batch.push(Delivered { envelope, attempt: 1, redelivered: false });
    }
    let (db, picky) = (test.db.clone(), Arc::new(Picky::default()));
    let consumer = StreamConsumer::new(db.clone(), picky, Arc::new(Half(test)), Arc::new(SystemClock));
    assert_eq!(consumer.handle(&batch).await, [Outcome::Done, Outcome::Done]);
    let tx = db.system().await.unwrap();
    let heads = sql("SELECT head AS value FROM streams WHERE stream LIKE 'effect/%' ORDER BY head");
    let effects: Vec<i64> = heads.load::<Value<i64>>(&tx).await.unwrap().into_iter().map(|Value(head)| head).collect();
    assert_eq!(effects, [2, 11, 12]);
}
