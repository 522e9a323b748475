//! Connections and consumers come back, and what was confirmed arrives.

use postrider_broker::{BrokerState, Outcome};
use postrider_contracts::topology::SYNC_WORKER_CONNECTOR;
use postrider_testing::eventually;

use crate::harness::{PATIENCE, Rabbit, Recorder, config, events, ids};

#[tokio::test]
async fn closed_connections_lose_nothing_that_was_confirmed() {
    let rabbit = Rabbit::fresh().await;
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Done);
    rabbit.broker.consume(handler.clone(), config());
    let publishing = async {
        let mut confirmed = Vec::new();
        while confirmed.len() < 4_000 {
            let batch = events(&rabbit.cx, "connector.updated.v1", 50);
            let results = rabbit.publish(batch.clone()).await;
            confirmed
                .extend(ids(&batch).into_iter().zip(results).filter(|(_, result)| result.is_ok()).map(|(id, _)| id));
            // Without a connection every answer is immediate: let the client find its broker again.
            rabbit.broker.ready().await;
        }
        confirmed
    };
    let closing = async {
        for _time in 0..2 {
            rabbit.vhost.close_connections().await.unwrap();
        }
    };
    let (confirmed, ()) = tokio::join!(publishing, closing);
    handler.wait_for(&confirmed).await;
}

#[tokio::test]
async fn a_deleted_queue_is_declared_again_and_consumed() {
    let rabbit = Rabbit::fresh().await;
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Done);
    rabbit.broker.consume(handler.clone(), config());
    let before = events(&rabbit.cx, "connector.updated.v1", 1);
    rabbit.publish(before.clone()).await;
    handler.wait_for(&ids(&before)).await;

    rabbit.vhost.delete_queue(SYNC_WORKER_CONNECTOR.name).await.unwrap();
    // Until the queue is back, events rest in the unrouted queue: try until one arrives.
    eventually("a delivery from the new queue", PATIENCE, || async {
        let batch = events(&rabbit.cx, "connector.updated.v1", 1);
        rabbit.publish(batch).await;
        (handler.seen().len() > 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_soft_stop_finishes_what_was_begun_and_leaves_the_rest() {
    let rabbit = Rabbit::fresh().await;
    let soft = rabbit.cx.shutdown.soft.clone();
    // Stops the service in the middle of its first batch.
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, move |_| {
        soft.cancel();
        Outcome::Done
    });
    let batch = events(&rabbit.cx, "connector.updated.v1", 300);
    rabbit.publish(batch).await;
    rabbit.broker.consume(handler.clone(), config());
    let Rabbit { cx, broker, vhost } = rabbit;
    drop(broker);
    tokio::time::timeout(PATIENCE, cx.tasks.finished()).await.expect("all tasks end with the soft stop");
    let handled = handler.seen().len();
    assert!((1..=64).contains(&handled), "{handled}");
    let left = u32::try_from(300 - handled).unwrap();
    eventually("the rest in the queue", PATIENCE, || async {
        (vhost.depth(SYNC_WORKER_CONNECTOR.name).await.ok()? == left).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_state_is_down_until_the_broker_is_there() {
    let cx = postrider_runtime::Context::for_tests();
    let url = postrider_domain::Secret::new("amqp://nobody:nothing@127.0.0.1:1/%2f");
    let broker = postrider_broker::Broker::start(postrider_broker::BrokerConfig { url, service: "test" }, &cx);
    assert_eq!(broker.publisher().state(), BrokerState::Down);
    let results = broker.publisher().publish(events(&cx, "connector.updated.v1", 2)).await;
    assert_eq!(results, vec![Err(postrider_broker::PublishError::Unavailable); 2]);
    cx.shutdown.stop_softly();
    drop(broker);
    tokio::time::timeout(PATIENCE, cx.tasks.finished()).await.expect("a client that never connected stops too");
}
