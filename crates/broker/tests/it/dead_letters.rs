//! Dead letters are listed without being moved, and replayed with their id.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postrider_broker::{Outcome, dead_letters};
use postrider_contracts::topology::{OUTSIDE_NOTIFICATION, SYNC_WORKER_CONNECTOR};
use postrider_domain::TenantId;
use postrider_runtime::DeadLettersCommand;

use crate::harness::{Rabbit, Recorder, config, event};

const DEAD: &str = "sync-worker.connector.dead";

#[tokio::test]
async fn replay_gives_the_same_event_another_first_attempt() {
    let rabbit = Rabbit::fresh().await;
    let url = rabbit.vhost.amqp_url();
    let repaired = Arc::new(AtomicBool::new(false));
    let works = repaired.clone();
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, move |_| match works.load(Ordering::SeqCst) {
        true => Outcome::Done,
        false => Outcome::DeadLetter { reason: "broken".into() },
    });
    rabbit.broker.consume(handler.clone(), config());
    let mut sent = event(&rabbit.cx, "connector.updated.v1", 0);
    sent.tenant = Some(TenantId::parse("acme").unwrap());
    rabbit.publish(vec![sent.clone()]).await;
    rabbit.wait_for_depth(DEAD, 1).await;

    let letters = dead_letters::list(&url, SYNC_WORKER_CONNECTOR.name, 10).await.unwrap();
    assert_eq!((letters[0].id.as_str(), letters[0].tenant.as_deref()), (sent.id.to_string().as_str(), Some("acme")));
    assert_eq!((letters[0].reason.as_str(), letters[0].attempt), ("broken", 1));
    assert!(letters[0].died_at.is_some());
    rabbit.wait_for_depth(DEAD, 1).await;

    repaired.store(true, Ordering::SeqCst);
    assert_eq!(dead_letters::replay(&url, SYNC_WORKER_CONNECTOR.name, 10).await.unwrap(), 1);
    postrider_testing::eventually("the second delivery", crate::harness::PATIENCE, || async {
        (handler.seen().len() == 2).then_some(())
    })
    .await;
    let again = &handler.seen()[1];
    assert_eq!((&again.envelope, again.attempt), (&sent, 1));
    assert_eq!(rabbit.depth(DEAD).await, 0);
}

#[tokio::test]
async fn the_command_of_a_service_speaks_of_its_own_queues_only() {
    let rabbit = Rabbit::fresh().await;
    let (url, own) = (rabbit.vhost.amqp_url(), [SYNC_WORKER_CONNECTOR, OUTSIDE_NOTIFICATION]);
    let list = |queue: Option<&str>| DeadLettersCommand::List { queue: queue.map(str::to_owned), limit: 5 };
    let text = dead_letters::command(&url, &own, &list(None)).await.unwrap();
    assert_eq!(text, "sync-worker.connector: 0 dead\n");
    let error = dead_letters::command(&url, &own, &list(Some("notification.mailbox"))).await.unwrap_err();
    assert!(error.to_string().contains("notification.mailbox"), "{error}");
}
