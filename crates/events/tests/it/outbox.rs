//! Laws 1 and 7: every committed event is published, whatever happens on the way.

use std::sync::Arc;

use postrider_contracts::Event;
use postrider_contracts::connector::ConnectorConnected;
use postrider_events::outbox::Relay;
use postrider_storage::sql;
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use postrider_testing::db::value;
use postrider_testing::events::{append, base_schema, event, event_of, tenant};
use postrider_testing::until;

use crate::harness::{FakeBroker, SharedBroker};

fn start(db: &postrider_storage::Db, broker: &SharedBroker) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    start_counted(db, broker, &Registry::new())
}

fn start_counted(
    db: &postrider_storage::Db,
    broker: &SharedBroker,
    registry: &Registry,
) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let relay = Relay::new(db.clone(), broker.clone(), registry);
    let task = tokio::runtime::Handle::current().spawn(relay.run(stop.clone()));
    (stop, task)
}

async fn unsent(db: &postrider_storage::Db) -> i64 {
    let tx = db.system().await.unwrap();
    value::<i64>(&tx, "SELECT count(*) AS value FROM outbox WHERE sent_at IS NULL").await
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_dense_however_many_write_at_once() {
    let test = base_schema().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..20 {
        let db = test.db.clone();
        writers.spawn(async move {
            for _ in 0..5 {
                let mut tx = db.tenant(&tenant("acme")).await.unwrap();
                postrider_events::outbox::append(&mut tx, vec![event("s/1", 1), event("s/2", 1), event("s/1", 2)])
                    .await
                    .unwrap();
                // Some writers give up: their numbers must be used by others.
                if writer % 5 != 0 {
                    tx.commit().await.unwrap();
                }
            }
        });
    }
    writers.join_all().await;
    let tx = test.db.system().await.unwrap();
    let holes: i64 = value(
        &tx,
        "SELECT count(*) AS value FROM (SELECT seq - row_number() OVER (PARTITION BY stream ORDER BY seq) AS off FROM outbox) x \
         WHERE off <> 0",
    )
    .await;
    assert_eq!(holes, 0);
    assert_eq!(value::<i64>(&tx, "SELECT sum(head)::bigint AS value FROM streams").await, 16 * 5 * 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_dies_is_started_again_and_forgets_nothing() {
    let test = base_schema().await;
    let broker = Arc::new(FakeBroker { panics: std::sync::Mutex::new(1), ..FakeBroker::default() });
    let cx = postrider_runtime::Context::for_tests();
    Relay::new(test.db.clone(), broker.clone(), &Registry::new()).start(&cx.tasks, &cx.shutdown);
    append(&test.db, vec![event("s/1", 1)]).await;
    until("the panic", async || *broker.panics.lock().unwrap() == 0).await;
    let tx = test.db.system().await.unwrap();
    sql("UPDATE outbox SET available_at = clock_timestamp()").execute(&tx).await.unwrap();
    tx.commit().await.unwrap();
    until("it is sent", async || unsent(&test.db).await == 0).await;
    assert_eq!(broker.seqs(), [1]);
    cx.shutdown.stop_softly();
    cx.tasks.finished().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_events_go_out_at_once_and_are_marked() {
    let test = base_schema().await;
    let broker = Arc::new(FakeBroker::default());
    let (stop, task) = start(&test.db, &broker);
    append(&test.db, vec![event("s/1", 1), event("s/1", 2)]).await;
    until("both marked", async || unsent(&test.db).await == 0).await;
    assert_eq!(broker.seqs(), [1, 2]);
    let mut abandoned = test.db.tenant(&tenant("acme")).await.unwrap();
    postrider_events::outbox::append(&mut abandoned, vec![event("s/1", 3)]).await.unwrap();
    drop(abandoned);
    stop.cancel();
    task.await.unwrap();
    assert_eq!(broker.seqs(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_behind_is_found_by_time() {
    let test = base_schema().await;
    // No relay was running when these were committed, as after a kill between commit and publish.
    append(&test.db, vec![event("s/1", 1), event("s/1", 2)]).await;
    let admin = test.admin().await;
    sql("UPDATE gateway.outbox SET available_at = clock_timestamp()").execute(&admin).await.unwrap();
    let broker = Arc::new(FakeBroker::default());
    let (stop, task) = start(&test.replica(), &broker);
    until("published", async || unsent(&test.db).await == 0).await;
    stop.cancel();
    task.await.unwrap();
    assert_eq!(broker.seqs(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_broker_down_events_wait_and_then_go_out() {
    let test = base_schema().await;
    let broker = Arc::new(FakeBroker::default());
    broker.set_down(true);
    let (stop, task) = start(&test.db, &broker);
    append(&test.db, (1..=50).map(|n| event("s/1", n)).collect()).await;
    assert_eq!(unsent(&test.db).await, 50);
    broker.set_down(false);
    until("all went out", async || unsent(&test.db).await == 0).await;
    stop.cancel();
    task.await.unwrap();
    let mut seqs = broker.seqs();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=50).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_counted_while_the_broker_is_away() {
    let test = base_schema().await;
    let broker = Arc::new(FakeBroker::default());
    broker.set_down(true);
    append(&test.db, (1..=50).map(|n| event("s/1", n)).collect()).await;
    let admin = test.admin().await;
    sql("UPDATE gateway.outbox SET created_at = clock_timestamp() - interval '90 seconds' WHERE seq = 1")
        .execute(&admin)
        .await
        .unwrap();
    let registry = Registry::new();
    let (stop, task) = start_counted(&test.db, &broker, &registry);
    let shows = |line: &str| postrider_runtime::telemetry::metrics::text(&registry).contains(line);
    until("fifty wait", async || shows("postrider_outbox_waiting_events 50")).await;
    until("the oldest for 90 s", async || shows("postrider_outbox_oldest_seconds 9")).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_does_not_hold_the_others() {
    let test = base_schema().await;
    let broker = Arc::new(FakeBroker::default());
    broker.refused.lock().unwrap().insert(ConnectorConnected::TYPE.to_owned());
    let (stop, task) = start(&test.db, &broker);
    let mut other = event("s/1", 2);
    other.envelope.event_type = "connector.updated.v1".to_owned();
    append(&test.db, vec![event("s/1", 1), other]).await;
    until("the other one went out", async || broker.seqs() == [2]).await;
    broker.refused.lock().unwrap().clear();
    until("the refused one went out", async || unsent(&test.db).await == 0).await;
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_do_not_send_the_same_row() {
    let test = base_schema().await;
    append(&test.db, (1..=600).map(|n| event("s/1", n)).collect()).await;
    let admin = test.admin().await;
    sql("UPDATE gateway.outbox SET available_at = clock_timestamp()").execute(&admin).await.unwrap();
    let broker = Arc::new(FakeBroker::default());
    let (one, two) = (start(&test.replica(), &broker), start(&test.replica(), &broker));
    until("all went out", async || unsent(&test.db).await == 0).await;
    one.0.cancel();
    two.0.cancel();
    one.1.await.unwrap();
    two.1.await.unwrap();
    assert_eq!(broker.seqs().len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_partitions_go_only_when_everything_in_them_was_sent() {
    let test = base_schema().await;
    append(&test.db, vec![event_of("acme", "s/1", 1)]).await;
    let admin = test.admin().await;
    for (date, next) in [("01", "02"), ("02", "03")] {
        let text = format!(
            "CREATE TABLE gateway.outbox_202001{date} PARTITION OF gateway.outbox FOR VALUES FROM ('2020-01-{date}') TO ('2020-01-{next}')"
        );
        postrider_storage::Statement::dynamic(text).execute(&admin).await.unwrap();
        postrider_storage::Statement::dynamic(format!(
            "ALTER TABLE gateway.outbox_202001{date} OWNER TO gateway_owner"
        ))
        .execute(&admin)
        .await
        .unwrap();
    }
    sql("INSERT INTO gateway.outbox (day, id, event_type, source, event_time, stream, seq, payload, sent_at) VALUES \
         ('2020-01-01', gen_random_uuid(), 't', 's', now(), 'old/1', 1, '', now()), \
         ('2020-01-02', gen_random_uuid(), 't', 's', now(), 'old/1', 2, '', NULL)")
    .execute(&admin)
    .await
    .unwrap();
    postrider_events::partitions::maintain(&test.db).await.unwrap();
    let tx = test.db.system().await.unwrap();
    assert_eq!(value::<i64>(&tx, "SELECT count(*) AS value FROM outbox WHERE stream = 'old/1' AND seq = 2").await, 1);
    assert_eq!(value::<i64>(&tx, "SELECT count(*) AS value FROM outbox WHERE stream = 'old/1'").await, 1);
}
