//! The carrier within one process: what it must do beside the suite of all carriers.

use std::sync::Arc;
use std::time::Duration;

use postrider_broker::local::LocalBroker;
use postrider_broker::{BrokerState, Outcome, PublishError, Publisher, Transport};
use postrider_contracts::topology::{
    CONNECTOR_MAILBOX_CHANGED, NOTIFICATION_CONNECTOR, SYNC_WORKER_CONNECTOR, SYNC_WORKER_MAILBOX_CHANGED,
};
use postrider_runtime::Context;
use postrider_runtime::telemetry::metrics::text;
use postrider_testing::eventually;

use crate::harness::{PATIENCE, Recorder, config, event, events, ids};
use crate::shelf::Shelf;

/// A process on queues that outlive it.
fn process(shelf: &Arc<Shelf>) -> (Context, LocalBroker) {
    let cx = Context::for_tests();
    let broker = LocalBroker::start(shelf.clone(), &cx);
    (cx, broker)
}

#[tokio::test]
async fn what_was_confirmed_is_delivered_by_the_next_process() {
    let shelf = Arc::<Shelf>::default();
    let (cx, broker) = process(&shelf);
    let batch = events(&cx, "mailbox.changed.v1", 3);
    assert_eq!(Publisher::publish(&broker, batch.clone()).await, vec![Ok(()); 3]);
    drop((cx, broker));
    let (_cx, broker) = process(&shelf);
    for queue in [&SYNC_WORKER_MAILBOX_CHANGED, &CONNECTOR_MAILBOX_CHANGED] {
        let handler = Recorder::new(queue, |_| Outcome::Done);
        broker.consume(handler.clone(), config());
        handler.wait_for(&ids(&batch)).await;
        assert_eq!(handler.seen().iter().map(|seen| seen.envelope.id).collect::<Vec<_>>(), ids(&batch), "in order");
    }
}

#[tokio::test]
async fn a_retry_waits_and_counts_and_outlives_the_process() {
    let shelf = Arc::<Shelf>::default();
    let (cx, broker) = process(&shelf);
    let sent = event(&cx, "connector.updated.v1", 1);
    let later = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Retry { after: Duration::from_secs(1) });
    broker.consume(later.clone(), config());
    Publisher::publish(&broker, vec![sent.clone()]).await;
    later.wait_for(&[sent.id]).await;
    cx.shutdown.stop_softly();
    cx.tasks.finished().await;
    assert_eq!((later.seen().len(), shelf.depth(&SYNC_WORKER_CONNECTOR)), (1, 1), "it waits its 10 s");
    shelf.release();
    let (_cx, broker) = process(&shelf);
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Done);
    broker.consume(handler.clone(), config());
    handler.wait_for(&[sent.id]).await;
    assert_eq!((handler.seen()[0].attempt, handler.seen()[0].redelivered), (2, false));
}

#[tokio::test]
async fn what_takes_the_process_down_each_time_is_given_up() {
    let shelf = Arc::<Shelf>::default();
    let (cx, broker) = process(&shelf);
    let sent = event(&cx, "connector.updated.v1", 1);
    Publisher::publish(&broker, vec![sent.clone()]).await;
    // Processes that die with the message in their hands say nothing to the store.
    for _death in 0..20 {
        let taken = postrider_broker::local::Store::take(shelf.as_ref(), &SYNC_WORKER_CONNECTOR, 64).await.unwrap();
        assert_eq!(taken.messages.len(), 1);
    }
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Done);
    broker.consume(handler.clone(), config());
    let dead = eventually("a dead letter", PATIENCE, || async {
        Some(shelf.dead(&SYNC_WORKER_CONNECTOR)).filter(|dead| !dead.is_empty())
    })
    .await;
    assert_eq!(dead, [(sent.id.to_string(), "delivery_limit".to_owned())]);
    assert!(handler.seen().is_empty(), "the handler did not see it once more");
    let depth = "postrider_broker_queue_messages{queue=\"sync-worker.connector.dead\"} 1";
    eventually("the dead letter as a metric", PATIENCE, || async { text(&cx.registry).contains(depth).then_some(()) })
        .await;
}

#[tokio::test]
async fn without_its_queues_nothing_is_confirmed_and_all_goes_on_when_they_are_back() {
    let shelf = Arc::<Shelf>::default();
    let (cx, broker) = process(&shelf);
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Done);
    broker.consume(handler.clone(), config());
    shelf.break_down(true);
    let lost = event(&cx, "connector.updated.v1", 1);
    assert_eq!(Publisher::publish(&broker, vec![lost.clone()]).await, [Err(PublishError::Unavailable)]);
    assert_eq!(Publisher::state(&broker), BrokerState::Down);
    shelf.break_down(false);
    let sent = event(&cx, "connector.updated.v1", 2);
    assert_eq!(Publisher::publish(&broker, vec![sent.clone()]).await, [Ok(())]);
    assert_eq!(Publisher::state(&broker), BrokerState::Ready);
    handler.wait_for(&[sent.id]).await;
    assert!(!handler.counts().contains_key(&lost.id));
}

fn state_metric(cx: &Context) -> i64 {
    let text = text(&cx.registry);
    let line = text.lines().find_map(|line| line.strip_prefix("postrider_broker_state "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn queues_that_one_service_sees_again_are_back_in_the_metrics_of_all() {
    let shelf = Arc::<Shelf>::default();
    let (cx, one) = process(&shelf);
    let other_cx = Context::for_tests();
    let other = one.within(&other_cx);
    let publish = async |broker: &LocalBroker, version| {
        Publisher::publish(broker, vec![event(&cx, "connector.updated.v1", version)]).await
    };
    for broker in [&one, &other] {
        assert_eq!(publish(broker, 1).await, [Ok(())]);
    }
    shelf.break_down(true);
    assert_eq!(publish(&one, 2).await, [Err(PublishError::Unavailable)]);
    assert_eq!([&cx, &other_cx].map(state_metric), [0, 0], "both need them");
    shelf.break_down(false);
    assert_eq!(publish(&other, 3).await, [Ok(())]);
    assert_eq!([&cx, &other_cx].map(state_metric), [2, 2]);
}

#[tokio::test]
async fn queues_of_one_service_that_are_away_hold_up_those_alone_who_need_them() {
    let shelf = Arc::<Shelf>::default();
    let (cx, broker) = process(&shelf);
    let (intake_cx, relay_cx) = (Context::for_tests(), Context::for_tests());
    let (intake, relay) = (broker.within(&intake_cx), broker.within(&relay_cx));
    shelf.break_down_of("notification.");
    // Its own consumer sees it.
    broker.consume(Recorder::new(&NOTIFICATION_CONNECTOR, |_| Outcome::Done), config());
    eventually("the queues are missed", PATIENCE, || async {
        (Publisher::state(&broker) == BrokerState::Down).then_some(())
    })
    .await;
    // A push needs the queues of connector and sync-worker, and theirs answer.
    assert_eq!(Publisher::publish(&intake, events(&cx, "mailbox.changed.v1", 1)).await, [Ok(())]);
    assert_eq!((Publisher::state(&intake), state_metric(&intake_cx)), (BrokerState::Ready, 2));
    let sent = event(&cx, "connector.updated.v1", 1);
    assert_eq!(Publisher::publish(&relay, vec![sent.clone()]).await, [Err(PublishError::Unavailable)]);
    assert_eq!((Publisher::state(&relay), state_metric(&relay_cx)), (BrokerState::Down, 0));
    // The others have their part of it: nothing of theirs waits for it.
    assert_eq!(shelf.depth(&SYNC_WORKER_CONNECTOR), 1);
    shelf.break_down(false);
    eventually("the queues are back", PATIENCE, || async {
        (Publisher::state(&relay) == BrokerState::Ready).then_some(())
    })
    .await;
    assert_eq!([&cx, &intake_cx, &relay_cx].map(state_metric), [2, 2, 2]);
}
