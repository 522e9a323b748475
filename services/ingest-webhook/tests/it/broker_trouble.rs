//! RabbitMQ itself: what was answered 202 is in its queues; while it is blocked or gone the sender is told at once to
//! keep the push.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use postrider_contracts::topology::{CONNECTOR_MAILBOX_CHANGED, SYNC_WORKER_MAILBOX_CHANGED};
use postrider_domain::Secret;
use postrider_testing::services::{Pair, Parts};
use postrider_testing::{TestVhost, eventually};

use crate::harness::{Intake, push, token};

const WAIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_202_is_a_message_in_both_queues() {
    let vhost = TestVhost::fresh().await;
    let intake = Intake::on(vhost.amqp_url()).await;
    intake.ready().await;
    let token = token();
    let answers = join_all((0..300).map(|n| intake.push(Some(&token), push(&format!("m{n}"), n)))).await;
    assert!(answers.iter().all(|status| *status == 202), "{answers:?}");
    for queue in [SYNC_WORKER_MAILBOX_CHANGED.name, CONNECTOR_MAILBOX_CHANGED.name] {
        eventually(queue, WAIT, || async { (vhost.depth(queue).await.unwrap() == 300).then_some(()) }).await;
    }
}

#[tokio::test]
async fn a_broker_that_was_never_there_costs_nobody_time() {
    let intake = Intake::on(Secret::new("amqp://guest:guest@127.0.0.1:1/%2f")).await;
    assert!(!intake.is_ready().await);
    let began = Instant::now();
    let answer = intake.push_to(crate::harness::PATHS[0], Some(&token()), push("m1", 7)).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// Sends until the answer is the wanted one; every other answer must be 202 or 503, and soon.
async fn until(intake: &Intake, wanted: u16, stored: &mut u32) {
    let token = token();
    let end = Instant::now() + WAIT;
    for n in 0_u64.. {
        let began = Instant::now();
        let status = intake.push(Some(&token), push(&format!("{wanted}-{n}-{:?}", end), n)).await;
        assert!(began.elapsed() < Duration::from_secs(9), "an answer took {:?}", began.elapsed());
        *stored += u32::from(status == 202);
        if status == wanted {
            return;
        }
        assert!(matches!(status, 202 | 503), "{status}");
        assert!(Instant::now() < end, "no {wanted} within {WAIT:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn blocked_stopped_and_killed_brokers_are_503_and_then_work_again() {
    let pair = tokio::task::spawn_blocking(|| Pair::start(Parts::RabbitMq).unwrap()).await.unwrap();
    let intake = Intake::on(pair.servers().amqp_url.clone()).await;
    intake.ready().await;
    let mut stored = 0;
    until(&intake, 202, &mut stored).await;

    pair.run(&["rabbitmqctl", "set_vm_memory_high_watermark", "0.00001"]).await.unwrap();
    until(&intake, 503, &mut stored).await;
    let began = Instant::now();
    assert_eq!(intake.push(Some(&token()), push("blocked", 1)).await, 503);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    pair.run(&["rabbitmqctl", "set_vm_memory_high_watermark", "0.4"]).await.unwrap();
    until(&intake, 202, &mut stored).await;

    pair.run(&["kill-rabbit"]).await.unwrap();
    until(&intake, 503, &mut stored).await;
    pair.run(&["start-rabbit"]).await.unwrap();
    until(&intake, 202, &mut stored).await;

    // What was confirmed survived the kill; what was refused may be there too (its confirm was lost), never less.
    let url = &pair.servers().amqp_url;
    let queue = SYNC_WORKER_MAILBOX_CHANGED.name;
    eventually("all that was confirmed", WAIT, || async {
        postrider_broker::queues::depth(url, queue).await.ok().flatten().filter(|depth| *depth >= stored)
    })
    .await;
}
