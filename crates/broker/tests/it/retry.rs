//! Retries wait in their tier and come back with the attempt counted.

use std::time::{Duration, Instant};

use postrider_broker::{MAX_ATTEMPTS, Outcome};
use postrider_contracts::topology::SYNC_WORKER_CONNECTOR;
use postrider_testing::eventually;
use serde_json::json;

use crate::harness::{PATIENCE, Rabbit, Recorder, config, event};

#[tokio::test]
async fn a_retry_waits_ten_seconds_and_the_next_one_waits_again() {
    let rabbit = Rabbit::fresh().await;
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |delivered| match delivered.attempt {
        1 => Outcome::Retry { after: Duration::from_secs(3) },
        2 => Outcome::Retry { after: Duration::from_secs(61) },
        _ => Outcome::Done,
    });
    rabbit.broker.consume(handler.clone(), config());
    let sent = event(&rabbit.cx, "connector.updated.v1", 0);
    let begun = Instant::now();
    rabbit.publish(vec![sent.clone()]).await;
    eventually("the second attempt", PATIENCE, || async { (handler.seen().len() == 2).then_some(()) }).await;
    assert!(begun.elapsed() >= Duration::from_millis(9_900), "{:?}", begun.elapsed());
    let second = &handler.seen()[1];
    assert_eq!((second.attempt, &second.envelope), (2, &sent));
    // A message that came through a waiting room once must be let into the next one.
    rabbit.wait_for_depth("sync-worker.connector.retry.10m", 1).await;
    rabbit.wait_for_depth("sync-worker.connector.retry.10s", 0).await;
}

#[tokio::test]
async fn the_last_attempt_dies() {
    let rabbit = Rabbit::fresh().await;
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Retry { after: Duration::ZERO });
    rabbit.broker.consume(handler.clone(), config());
    let sent = event(&rabbit.cx, "connector.updated.v1", 0);
    let headers = json!({
        "cloudEvents:id": sent.id.to_string(), "cloudEvents:type": sent.event_type, "cloudEvents:source": sent.source,
        "cloudEvents:time": sent.time.to_rfc3339(), "x-postrider-attempt": MAX_ATTEMPTS,
    });
    rabbit.vhost.publish_with(SYNC_WORKER_CONNECTOR.name, "", headers).await.unwrap();
    rabbit.wait_for_depth("sync-worker.connector.dead", 1).await;
    let letters =
        postrider_broker::dead_letters::list(&rabbit.vhost.amqp_url(), SYNC_WORKER_CONNECTOR.name, 10).await.unwrap();
    assert_eq!((letters[0].attempt, letters[0].reason.as_str()), (MAX_ATTEMPTS, "given up after 12 attempts"));
    assert_eq!(handler.seen().len(), 1, "it was tried once more");
}

#[tokio::test]
async fn a_message_that_is_no_event_dies_at_once() {
    let rabbit = Rabbit::fresh().await;
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Retry { after: Duration::ZERO });
    rabbit.broker.consume(handler.clone(), config());
    rabbit.vhost.publish_raw(SYNC_WORKER_CONNECTOR.name, "what is this").await.unwrap();
    rabbit.wait_for_depth("sync-worker.connector.dead", 1).await;
    let letters =
        postrider_broker::dead_letters::list(&rabbit.vhost.amqp_url(), SYNC_WORKER_CONNECTOR.name, 10).await.unwrap();
    assert!(letters[0].reason.starts_with("undecodable: the cloudEvents:id header"), "{letters:?}");
    assert!(handler.seen().is_empty());
}
