//! A RabbitMQ of its own that is stopped, killed and starved.

use std::time::Duration;

use postrider_broker::{BrokerState, Outcome, PublishError};
use postrider_contracts::topology::SYNC_WORKER_CONNECTOR;
use postrider_testing::services::{Pair, Parts};
use postrider_testing::{TestVhost, eventually};

use crate::harness::{PATIENCE, Rabbit, Recorder, client, config, events, ids};

async fn own_rabbit() -> (Pair, Rabbit) {
    let pair = tokio::task::spawn_blocking(|| Pair::start(Parts::RabbitMq)).await.unwrap().unwrap();
    let vhost = TestVhost::on(pair.servers()).await.unwrap();
    let (cx, broker) = client(vhost.amqp_url()).await;
    (pair, Rabbit { cx, broker, vhost })
}

/// Stopped in order for five seconds, then killed: after each, publisher and consumer are back without help, and every
/// confirmed event is delivered. With its memory "full", publishing fails at once instead of hanging.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_a_killed_and_a_starved_broker_lose_nothing_that_was_confirmed() {
    let (pair, rabbit) = own_rabbit().await;
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Done);
    rabbit.broker.consume(handler.clone(), config());
    let mut confirmed = Vec::new();
    let outages: [&[&[&str]]; 2] = [&[&["stop-rabbit"], &["start-rabbit"]], &[&["kill-rabbit"], &["start-rabbit"]]];
    for outage in outages {
        let stop = async {
            pair.run(outage[0]).await.unwrap();
            eventually("the client to notice", PATIENCE, || async {
                (rabbit.broker.publisher().state() == BrokerState::Down).then_some(())
            })
            .await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            pair.run(outage[1]).await.unwrap();
            rabbit.broker.ready().await;
        };
        tokio::pin!(stop);
        loop {
            let batch = events(&rabbit.cx, "connector.updated.v1", 20);
            let results = rabbit.publish(batch.clone()).await;
            confirmed
                .extend(ids(&batch).into_iter().zip(results).filter(|(_, result)| result.is_ok()).map(|(id, _)| id));
            tokio::select! {
                () = &mut stop => break,
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
        let after = events(&rabbit.cx, "connector.updated.v1", 10);
        assert!(rabbit.publish(after.clone()).await.iter().all(Result::is_ok));
        confirmed.extend(ids(&after));
        handler.wait_for(&confirmed).await;
    }

    pair.run(&["rabbitmqctl", "set_vm_memory_high_watermark", "0.000001"]).await.unwrap();
    // RabbitMQ tells a connection when it publishes.
    eventually("the broker to block us", PATIENCE, || async {
        let batch = events(&rabbit.cx, "connector.updated.v1", 1);
        let answer = tokio::time::timeout(Duration::from_secs(11), rabbit.publish(batch)).await.unwrap();
        (answer == [Err(PublishError::Blocked)]).then_some(())
    })
    .await;
    assert_eq!(rabbit.broker.publisher().state(), BrokerState::Blocked);
    pair.run(&["rabbitmqctl", "set_vm_memory_high_watermark", "0.4"]).await.unwrap();
    tokio::time::timeout(PATIENCE, rabbit.broker.ready()).await.expect("unblocked");
    let after = events(&rabbit.cx, "connector.updated.v1", 10);
    assert!(rabbit.publish(after.clone()).await.iter().all(Result::is_ok));
    handler.wait_for(&ids(&after)).await;
    // The vhost lives in this pair: gone before its server is.
    drop(rabbit);
}
