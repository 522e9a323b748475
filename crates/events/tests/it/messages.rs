//! Queues as rows: what was stored is there for the next process, in order, whatever became of it meanwhile.

use std::time::Duration;

use postrider_broker::local::{Settled, Store};
use postrider_contracts::topology::{SYNC_WORKER_CONNECTOR, SYNC_WORKER_MAILBOX_CHANGED};
use postrider_contracts::{Envelope, Position, Queue, TraceContext};
use postrider_domain::{ConnectorId, OsEntropy};
use postrider_events::dead_letters::command;
use postrider_events::messages::{Depth, Messages};
use postrider_runtime::DeadLettersCommand;
use postrider_storage::{Spec, migrate, sql};
use postrider_testing::db::TestDb;
use postrider_testing::events::event;
use uuid::Uuid;

const QUEUE: &Queue = &SYNC_WORKER_CONNECTOR;

async fn queues() -> (TestDb, Messages) {
    let test = TestDb::fresh(Spec::SYNC_WORKER, || migrate::NONE).await;
    let messages = Messages::new(vec![test.db.clone()]);
    (test, messages)
}

/// An event with everything an event can have.
fn full(version: i64) -> Envelope {
    let mut envelope = event("connector/1", version).envelope;
    envelope.trace = Some(TraceContext::start(&OsEntropy));
    envelope.connector = Some(ConnectorId(Uuid::from_u128(7)));
    envelope.position = Some(Position { stream: "connector/1".to_owned(), seq: version });
    envelope
}

async fn stored(messages: &Messages, count: i64) -> Vec<Envelope> {
    let events: Vec<_> = (1..=count).map(full).collect();
    messages.append(events.iter().map(|event| (QUEUE, event.clone())).collect()).await.unwrap();
    events
}

async fn taken(messages: &Messages) -> Vec<(i64, i64)> {
    let taken = messages.take(QUEUE, 64).await.unwrap();
    let seq = |event: &Envelope| event.position.as_ref().map_or(0, |at| at.seq);
    taken.messages.iter().map(|kept| (kept.key, seq(&kept.envelope))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_back_as_they_were_stored_in_order_and_in_batches() {
    let (_test, messages) = queues().await;
    let events = stored(&messages, 5).await;
    let first = messages.take(QUEUE, 3).await.unwrap().messages;
    // Times keep microseconds.
    let same = |one: &Envelope, other: &Envelope| {
        Envelope { time: other.time, ..one.clone() } == *other && (one.time - other.time).num_microseconds() == Some(0)
    };
    assert!(first.iter().zip(&events).all(|(kept, event)| same(&kept.envelope, event)), "{first:?}");
    assert!(first.iter().all(|kept| (kept.attempt, kept.deliveries) == (1, 1)));
    messages.settle(QUEUE, first.iter().map(|kept| (kept.key, Settled::Done)).collect()).await.unwrap();
    let rest = messages.take(QUEUE, 64).await.unwrap().messages;
    assert_eq!(rest.iter().map(|kept| kept.envelope.id).collect::<Vec<_>>(), [events[3].id, events[4].id]);
    assert!(messages.take(&SYNC_WORKER_MAILBOX_CHANGED, 64).await.unwrap().messages.is_empty(), "another queue's");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_held_is_delivered_again_and_counted() {
    let (test, messages) = queues().await;
    stored(&messages, 1).await;
    assert_eq!(taken(&messages).await.len(), 1);
    let next_process = Messages::new(vec![test.replica()]);
    let again = next_process.take(QUEUE, 64).await.unwrap().messages;
    assert_eq!((again.len(), again[0].attempt, again[0].deliveries), (1, 1, 2));
    next_process.settle(QUEUE, vec![(again[0].key, Settled::Again)]).await.unwrap();
    assert_eq!(next_process.take(QUEUE, 64).await.unwrap().messages[0].deliveries, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_not_due_before_its_time_and_counts_its_attempt() {
    let (test, messages) = queues().await;
    stored(&messages, 2).await;
    let [(first, _), (second, _)] = taken(&messages).await[..] else { panic!("not two") };
    let later = Settled::Later { after: Duration::from_secs(600), attempt: 2 };
    messages.settle(QUEUE, vec![(first, later), (second, Settled::Done)]).await.unwrap();
    let none = messages.take(QUEUE, 64).await.unwrap();
    assert!(none.messages.is_empty());
    let next = none.next.unwrap();
    assert!(next > Duration::from_secs(590) && next <= Duration::from_secs(601), "{next:?}");
    let tx = test.db.system().await.unwrap();
    sql("UPDATE messages SET due_at = now()").execute(&tx).await.unwrap();
    tx.commit().await.unwrap();
    let late = async |than| messages.depth(QUEUE, Duration::from_secs(than)).await.unwrap();
    assert_eq!([late(0).await.overdue, late(600).await.overdue], [1, 0]);
    let due = messages.take(QUEUE, 64).await.unwrap().messages;
    assert_eq!((due.len(), due[0].attempt, due[0].deliveries), (1, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_stay_until_they_are_put_back() {
    let (_test, messages) = queues().await;
    let events = stored(&messages, 3).await;
    let [(first, _), (second, _), (third, _)] = taken(&messages).await[..] else { panic!("not three") };
    let dead = |reason: &str| Settled::Dead { attempt: 4, reason: reason.to_owned() };
    let settled = vec![(first, dead("no such thing")), (second, Settled::Done), (third, dead("nor this"))];
    messages.settle(QUEUE, settled).await.unwrap();
    let idle = messages.take(QUEUE, 64).await.unwrap();
    assert_eq!((idle.messages.len(), idle.next, idle.dead), (0, None, 2));
    assert_eq!(messages.depth(QUEUE, Duration::ZERO).await.unwrap(), Depth { dead: 2, overdue: 0 });
    let letters = messages.dead(QUEUE, 10).await.unwrap();
    assert_eq!(
        letters.iter().map(|letter| letter.id.clone()).collect::<Vec<_>>(),
        [events[0].id, events[2].id].map(|id| id.to_string())
    );
    let letter = &letters[0];
    assert_eq!(
        (letter.attempt, letter.reason.as_str(), letter.position.as_deref()),
        (4, "no such thing", Some("connector/1 1"))
    );
    let list = |queue: Option<&str>| DeadLettersCommand::List { queue: queue.map(str::to_owned), limit: 10 };
    let text = command(&messages, &[*QUEUE], &list(None)).await.unwrap();
    assert!(text.contains("sync-worker.connector: 2 dead") && text.contains("attempt 4: no such thing"), "{text}");
    assert!(command(&messages, &[*QUEUE], &list(Some("connector.mailbox-changed"))).await.is_err());
    let replay = DeadLettersCommand::Replay { queue: None, limit: 1 };
    assert_eq!(command(&messages, &[*QUEUE], &replay).await.unwrap(), "sync-worker.connector: 1 put back\n");
    let again = messages.take(QUEUE, 64).await.unwrap().messages;
    assert_eq!((again.len(), again[0].envelope.id, again[0].attempt, again[0].deliveries), (1, events[0].id, 1, 1));
    assert_eq!(messages.dead(QUEUE, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_pulled_is_a_dead_letter_at_once() {
    let (_test, messages) = queues().await;
    let event = full(9);
    messages.bury(QUEUE, event.clone(), "expired".to_owned()).await.unwrap();
    assert!(taken(&messages).await.is_empty());
    let letters = messages.dead(QUEUE, 10).await.unwrap();
    assert_eq!(
        (letters[0].id.clone(), letters[0].reason.as_str(), letters[0].attempt),
        (event.id.to_string(), "expired", 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_role_sees_no_message() {
    let (test, messages) = queues().await;
    stored(&messages, 1).await;
    let tx = test.db.tenant(&postrider_testing::events::tenant("acme")).await.unwrap();
    let refused = sql("SELECT id FROM messages").execute(&tx).await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
}
