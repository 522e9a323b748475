//! A consumer takes each event once, in order where it can, and finds what the broker lost.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use postrider_broker::{Delivered, Handler, Outcome};
use postrider_contracts::topology::SYNC_WORKER_CONNECTOR;
use postrider_contracts::{Envelope, Queue};
use postrider_domain::{Clock as _, SystemClock};
use postrider_events::streams::{Applied, Applier, ApplyError, EventSource, StreamConsumer};
use postrider_runtime::Context;
use postrider_storage::{Error, TenantTx, Value, sql};
use postrider_testing::db::TestDb;
use postrider_testing::events::{append, base_schema, event, version_of};
use postrider_testing::until;

/// Remembers versions in a table, so that only committed effects count.
#[derive(Default)]
struct Recorder {
    poison: Mutex<HashSet<i64>>,
    waiting: Mutex<HashSet<i64>>,
    order: Mutex<Vec<i64>>,
}

#[async_trait]
impl Applier for Recorder {
    fn consumer(&self) -> &'static str {
        "recorder"
    }

    fn queue(&self) -> &'static Queue {
        &SYNC_WORKER_CONNECTOR
    }

    async fn apply(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError> {
        let version = version_of(event);
        if self.poison.lock().unwrap().contains(&version) {
            return Ok(Applied::DeadLetter("poison".into()));
        }
        if self.waiting.lock().unwrap().contains(&version) {
            return Err(ApplyError::Retry { after: Duration::from_secs(10), reason: "not yet".into() });
        }
        sql("INSERT INTO streams (stream, tenant, head) VALUES ('effect/' || $1::text, 'acme', $1)")
            .bind(version)
            .execute(tx)
            .await?;
        self.order.lock().unwrap().push(version);
        Ok(Applied::Done)
    }
}

struct Rig {
    test: TestDb,
    recorder: Arc<Recorder>,
    consumer: StreamConsumer,
    events: Vec<Envelope>,
}

/// `n` events of one stream, none of them delivered yet.
async fn rig(n: i64) -> Rig {
    let test = base_schema().await;
    append(&test.db, (1..=n).map(|version| event("connector/x", version)).collect()).await;
    let events = test.db.events("connector/x", 0, 1_000).await.unwrap();
    let recorder = Arc::new(Recorder::default());
    let source = Arc::new(test.db.clone());
    let consumer = StreamConsumer::new(test.db.clone(), recorder.clone(), source, Arc::new(SystemClock));
    Rig { test, recorder, consumer, events }
}

impl Rig {
    async fn deliver(&self, numbers: &[usize]) -> Vec<Outcome> {
        let batch: Vec<Delivered> = numbers
            .iter()
            .map(|n| Delivered { envelope: self.events[n - 1].clone(), attempt: 1, redelivered: false })
            .collect();
        self.consumer.handle(&batch).await
    }

    async fn effects(&self) -> Vec<i64> {
        let tx = self.test.db.system().await.unwrap();
        sql("SELECT head AS value FROM streams WHERE stream LIKE 'effect/%' ORDER BY head")
            .load::<Value<i64>>(&tx)
            .await
            .unwrap()
            .into_iter()
            .map(|Value(head)| head)
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_take_effect_once() {
    let rig = rig(3).await;
    assert_eq!(rig.deliver(&[1, 2, 2, 3]).await, vec![Outcome::Done; 4]);
    assert_eq!(rig.deliver(&[3, 1]).await, vec![Outcome::Done; 2]);
    assert_eq!(rig.effects().await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_applied_in_stream_order_and_its_gaps_are_pulled() {
    let rig = rig(5).await;
    assert_eq!(rig.deliver(&[5, 3]).await, vec![Outcome::Done; 2]);
    assert_eq!(*rig.recorder.order.lock().unwrap(), [1, 2, 3, 4, 5]);
    assert_eq!(rig.deliver(&[1, 2, 4]).await, vec![Outcome::Done; 3]);
    assert_eq!(rig.effects().await, [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_delivered_is_caught_up() {
    let rig = rig(450).await;
    rig.consumer.catch_up(chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(rig.effects().await.len(), 450);
    rig.consumer.catch_up(chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(rig.effects().await.len(), 450);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_is_dead_lettered_alone_and_can_be_replayed() {
    let rig = rig(3).await;
    rig.recorder.poison.lock().unwrap().insert(2);
    let outcomes = rig.deliver(&[1, 2, 3]).await;
    assert_eq!(outcomes[0], Outcome::Done);
    assert!(matches!(&outcomes[1], Outcome::DeadLetter { reason } if reason == "poison"));
    assert_eq!(outcomes[2], Outcome::Done);
    rig.recorder.poison.lock().unwrap().clear();
    assert_eq!(rig.deliver(&[2]).await, vec![Outcome::Done]);
    assert_eq!(rig.effects().await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_waiting_event_does_not_hold_the_batch() {
    let rig = rig(3).await;
    rig.recorder.waiting.lock().unwrap().insert(2);
    let outcomes = rig.deliver(&[1, 2, 3]).await;
    assert_eq!(outcomes, [Outcome::Done, Outcome::Retry { after: Duration::from_secs(10) }, Outcome::Done]);
    assert_eq!(rig.effects().await, [1, 3]);
    assert!(rig.consumer.catch_up(chrono::DateTime::UNIX_EPOCH).await.unwrap().is_some());
    rig.recorder.waiting.lock().unwrap().clear();
    assert_eq!(rig.consumer.catch_up(chrono::DateTime::UNIX_EPOCH).await.unwrap(), None);
    assert_eq!(rig.effects().await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_pulled_is_asked_for_again_though_its_stream_stands_still() {
    let rig = rig(3).await;
    rig.recorder.waiting.lock().unwrap().insert(2);
    // An hour later than the stream moved: a look behind the last round would not see it.
    let clock = postrider_domain::MockClock::at(SystemClock.now() + chrono::TimeDelta::hours(1));
    let source = Arc::new(rig.test.db.clone());
    let consumer = Arc::new(StreamConsumer::new(rig.test.db.clone(), rig.recorder.clone(), source, Arc::new(clock)));
    let cx = Context::for_tests();
    consumer.keep_caught_up("catch_up", Duration::from_millis(20), &cx.tasks, &cx.shutdown);
    until("the others", async || rig.effects().await == [1, 3]).await;
    rig.recorder.waiting.lock().unwrap().clear();
    until("the one that waited", async || rig.effects().await == [1, 2, 3]).await;
    cx.shutdown.stop_softly();
    cx.tasks.finished().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_a_stream_without_doubling() {
    let rig = Arc::new(rig(200).await);
    let mut replicas = tokio::task::JoinSet::new();
    for replica in 0..4_usize {
        let rig = rig.clone();
        replicas.spawn(async move {
            for start in 0..50 {
                let picks: Vec<usize> = (0..8).map(|n| (start * 4 + n + replica) % 200 + 1).collect();
                assert!(
                    rig.deliver(&picks)
                        .await
                        .iter()
                        .all(|outcome| *outcome != Outcome::DeadLetter { reason: "poison".into() })
                );
            }
        });
    }
    replicas.join_all().await;
    assert_eq!(rig.effects().await, (1..=200).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_outbox_no_longer_keeps_is_passed() -> Result<(), Error> {
    let rig = rig(6).await;
    let admin = rig.test.admin().await;
    sql("DELETE FROM gateway.outbox WHERE seq <= 3").execute(&admin).await?;
    assert_eq!(rig.deliver(&[6]).await, vec![Outcome::Done]);
    assert_eq!(rig.effects().await, [4, 5, 6]);
    Ok(())
}
