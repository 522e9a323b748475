//! One suite for all transports: what a unit test may believe of the broker in memory, and an installation of the one in
//! its process, because RabbitMQ does it too.

use std::sync::Arc;

use postrider_broker::local::LocalBroker;
use postrider_broker::memory::MemoryBroker;
use postrider_broker::{Handler, Outcome, Transport};
use postrider_contracts::topology::{CONNECTOR_MAILBOX_CHANGED, SYNC_WORKER_CONNECTOR, SYNC_WORKER_MAILBOX_CHANGED};
use postrider_contracts::{CATALOG, Queue};
use postrider_runtime::Context;
use postrider_testing::eventually;

use crate::harness::{PATIENCE, Rabbit, Recorder, config, event, events, ids};
use crate::shelf::Shelf;

/// A transport with eyes on its dead letters.
enum Subject {
    Memory(MemoryBroker, Context),
    Local(LocalBroker, Arc<Shelf>, Context),
    Rabbit(Box<Rabbit>),
}

impl Subject {
    fn memory() -> Self {
        let cx = Context::for_tests();
        Self::Memory(MemoryBroker::start(&cx), cx)
    }

    fn local() -> Self {
        let (shelf, cx) = (Arc::<Shelf>::default(), Context::for_tests());
        Self::Local(LocalBroker::start(shelf.clone(), &cx), shelf, cx)
    }

    async fn rabbit() -> Self {
        Self::Rabbit(Box::new(Rabbit::fresh().await))
    }

    fn transport(&self) -> &dyn Transport {
        match self {
            Self::Memory(broker, _) => broker,
            Self::Local(broker, ..) => broker,
            Self::Rabbit(rabbit) => &rabbit.broker,
        }
    }

    fn cx(&self) -> &Context {
        match self {
            Self::Memory(_, cx) | Self::Local(.., cx) => cx,
            Self::Rabbit(rabbit) => &rabbit.cx,
        }
    }

    /// Ids and reasons of the dead letters of a queue.
    async fn dead(&self, queue: &'static Queue) -> Vec<(String, String)> {
        match self {
            Self::Memory(broker, _) => {
                broker.dead(queue).into_iter().map(|dead| (dead.envelope.id.to_string(), dead.reason)).collect()
            }
            Self::Local(_, shelf, _) => shelf.dead(queue),
            Self::Rabbit(rabbit) => {
                let letters =
                    postrider_broker::dead_letters::list(&rabbit.vhost.amqp_url(), queue.name, 100).await.unwrap();
                letters.into_iter().map(|letter| (letter.id, letter.reason)).collect()
            }
        }
    }

    async fn depth(&self, queue: &'static Queue) -> usize {
        match self {
            Self::Memory(broker, _) => broker.depth(queue),
            Self::Local(_, shelf, _) => shelf.depth(queue),
            Self::Rabbit(rabbit) => rabbit.depth(queue.name).await as usize,
        }
    }

    fn consume(&self, handler: Arc<dyn Handler>) {
        self.transport().consume(handler, config());
    }
}

async fn every_event_type_is_confirmed_and_reaches_its_queues(subject: Subject) {
    let batch: Vec<_> = CATALOG.iter().map(|kind| event(subject.cx(), kind.name, 0)).collect();
    let results = subject.transport().publisher().publish(batch).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(subject.depth(&SYNC_WORKER_MAILBOX_CHANGED).await, 1);
    assert_eq!(subject.depth(&CONNECTOR_MAILBOX_CHANGED).await, 1);
    assert_eq!(subject.depth(&SYNC_WORKER_CONNECTOR).await, 8);
}

async fn an_event_arrives_as_it_was_sent(subject: Subject) {
    let sent = event(subject.cx(), "connector.updated.v1", 7);
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, |_| Outcome::Done);
    subject.consume(handler.clone());
    subject.transport().publisher().publish(vec![sent.clone()]).await;
    handler.wait_for(&[sent.id]).await;
    let [seen] = &handler.seen()[..] else { panic!("not one delivery") };
    assert_eq!((&seen.envelope, seen.attempt, seen.redelivered), (&sent, 1, false));
}

async fn a_dead_letter_keeps_id_and_reason_and_its_neighbours_are_done(subject: Subject) {
    let batch = events(subject.cx(), "connector.updated.v1", 10);
    let bad = batch[4].id;
    let handler = Recorder::new(&SYNC_WORKER_CONNECTOR, move |delivered| match delivered.envelope.id == bad {
        true => Outcome::DeadLetter { reason: "no such thing".into() },
        false => Outcome::Done,
    });
    subject.transport().publisher().publish(batch.clone()).await;
    subject.consume(handler.clone());
    handler.wait_for(&ids(&batch)).await;
    let dead = eventually("a dead letter", PATIENCE, || async {
        Some(subject.dead(&SYNC_WORKER_CONNECTOR).await).filter(|dead| !dead.is_empty())
    })
    .await;
    assert_eq!(dead, [(bad.to_string(), "no such thing".to_owned())]);
    assert_eq!(subject.depth(&SYNC_WORKER_CONNECTOR).await, 0);
}

async fn a_poison_message_dies_alone(subject: Subject) {
    let batch = events(subject.cx(), "connector.updated.v1", 10);
    let bad = batch[4].id;
    let handler = Recorder::batch(
        &SYNC_WORKER_CONNECTOR,
        Box::new(move |batch| {
            assert!(batch.iter().all(|one| one.envelope.id != bad), "poison");
            vec![Outcome::Done; batch.len()]
        }),
    );
    subject.transport().publisher().publish(batch.clone()).await;
    subject.consume(handler.clone());
    let dead = eventually("the poison message among the dead", PATIENCE, || async {
        Some(subject.dead(&SYNC_WORKER_CONNECTOR).await).filter(|dead| !dead.is_empty())
    })
    .await;
    assert_eq!(dead, [(bad.to_string(), "delivery_limit".to_owned())]);
    handler.wait_for(&ids(&batch)).await;
    eventually("an empty queue", PATIENCE, || async {
        (subject.depth(&SYNC_WORKER_CONNECTOR).await == 0).then_some(())
    })
    .await;
}

async fn a_handler_that_miscounts_loses_nothing(subject: Subject) {
    let batch = events(subject.cx(), "connector.updated.v1", 30);
    // Right for single deliveries, one short for batches.
    let handler = Recorder::batch(
        &SYNC_WORKER_CONNECTOR,
        Box::new(|batch| vec![Outcome::Done; if batch.len() == 1 { 1 } else { batch.len() - 1 }]),
    );
    subject.transport().publisher().publish(batch.clone()).await;
    subject.consume(handler.clone());
    handler.wait_for(&ids(&batch)).await;
    eventually("an empty queue", PATIENCE, || async {
        (subject.depth(&SYNC_WORKER_CONNECTOR).await == 0).then_some(())
    })
    .await;
    assert!(subject.dead(&SYNC_WORKER_CONNECTOR).await.is_empty());
}

/// Runs each case on every transport.
macro_rules! on_each {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::Subject::memory()).await;
            })*
        }
        mod local {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::Subject::local()).await;
            })*
        }
        mod rabbitmq {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::Subject::rabbit().await).await;
            })*
        }
    };
}

on_each!(
    every_event_type_is_confirmed_and_reaches_its_queues,
    an_event_arrives_as_it_was_sent,
    a_dead_letter_keeps_id_and_reason_and_its_neighbours_are_done,
    a_poison_message_dies_alone,
    a_handler_that_miscounts_loses_nothing,
);
