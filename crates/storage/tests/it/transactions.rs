//! A transaction is all or nothing, also when it is dropped in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postrider_storage::{Error, sql};

use postrider_testing::db::value;
use postrider_testing::events::{base_schema, event, tenant};
use postrider_testing::until;

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_transaction_rolls_it_back_and_frees_its_connection() {
    let test = base_schema().await;
    for _ in 0..40 {
        let mut tx = test.db.tenant(&tenant("acme")).await.unwrap();
        postrider_events::outbox::append(&mut tx, vec![event("connector/a", 1)]).await.unwrap();
        drop(tx);
    }
    let tx = test.db.system().await.unwrap();
    assert_eq!(value::<i64>(&tx, "SELECT count(*) AS value FROM outbox").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn committing_a_failed_transaction_is_an_error() {
    let test = base_schema().await;
    let called = Arc::new(AtomicBool::new(false));
    let mut tx = test.db.tenant(&tenant("acme")).await.unwrap();
    postrider_events::outbox::append(&mut tx, vec![event("connector/a", 1)]).await.unwrap();
    assert!(sql("SELECT 1 / 0").execute(&tx).await.is_err());
    let flag = called.clone();
    tx.on_commit(move || flag.store(true, Ordering::SeqCst));
    assert!(tx.commit().await.is_err());
    assert!(!called.load(Ordering::SeqCst));
    let tx = test.db.system().await.unwrap();
    assert_eq!(value::<i64>(&tx, "SELECT count(*) AS value FROM outbox").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_in_the_pool_are_replaced() {
    let test = base_schema().await;
    let (a, b) = (test.db.system().await.unwrap(), test.db.system().await.unwrap());
    a.commit().await.unwrap();
    b.commit().await.unwrap();
    let admin = test.admin().await;
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()")
    .execute(&admin)
    .await
    .unwrap();
    until("a working connection", async || test.db.ping().await.is_ok()).await;
    for _ in 0..4 {
        test.db.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn constraints_are_named() {
    let test = base_schema().await;
    let tx = test.db.system().await.unwrap();
    sql("INSERT INTO streams (stream) VALUES ('twice')").execute(&tx).await.unwrap();
    let refused = sql("INSERT INTO streams (stream) VALUES ('twice')").execute(&tx).await;
    assert!(matches!(&refused, Err(Error::Conflict { constraint }) if constraint == "streams_pkey"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_statements_are_prepared_once() {
    let test = base_schema().await;
    let tx = test.db.system().await.unwrap();
    for _ in 0..5 {
        sql("UPDATE streams SET head = head WHERE stream = $1").bind("none").execute(&tx).await.unwrap();
    }
    let prepared = value::<i64>(
        &tx,
        "SELECT count(*) AS value FROM pg_prepared_statements WHERE statement LIKE 'UPDATE streams SET%'",
    )
    .await;
    assert_eq!(prepared, 1);
}

/// Work that may wait leaves connections to work that may not, however much of it there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_holds_no_more_than_its_share_of_the_pool() {
    let test = base_schema().await;
    let config = postrider_storage::DbConfig::new(test.url.clone(), *test.db.spec());
    let db = postrider_storage::Db::connect(postrider_storage::DbConfig { max_connections: 3, ..config }).unwrap();
    let lane = db.lane(2);
    let (one, two) = (lane.system().await.unwrap(), lane.clone().tenant(&tenant("acme")).await.unwrap());
    let mut third = Box::pin(lane.system());
    assert!(futures_util::poll!(&mut third).is_pending());
    // The pool has a connection left, and the lane does not get it.
    let urgent = db.system().await.unwrap();
    assert!(futures_util::poll!(&mut third).is_pending());
    urgent.commit().await.unwrap();
    assert!(futures_util::poll!(&mut third).is_pending());
    // A place comes back with its connection, however the transaction ends; switching roles keeps it.
    let two = two.into_system().await.unwrap();
    assert!(futures_util::poll!(&mut third).is_pending());
    drop(one);
    let third = third.await.unwrap();
    third.commit().await.unwrap();
    two.rollback().await.unwrap();
    let both = (lane.system().await.unwrap(), lane.system().await.unwrap());
    assert_eq!(db.usage().0, 2);
    drop(both);
}
