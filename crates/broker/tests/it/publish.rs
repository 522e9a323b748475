//! Every message gets its own answer.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use postrider_broker::{Outcome, PublishError, dead_letters};
use postrider_contracts::topology::{SYNC_WORKER_CONNECTOR, UNROUTED_QUEUE};
use postrider_contracts::{Position, UNROUTED_EXCHANGE};

use crate::harness::{Rabbit, Recorder, config, event, events, ids};

#[tokio::test]
async fn an_event_without_a_binding_rests_in_unrouted() {
    let rabbit = Rabbit::fresh().await;
    assert_eq!(rabbit.publish(vec![event(&rabbit.cx, "nobody.wants.v1", 0)]).await, [Ok(())]);
    rabbit.wait_for_depth(UNROUTED_QUEUE, 1).await;
}

/// lapin credits returns to whichever confirm settles next: with 2,000 in flight in many batches, each of the
/// unroutable ones, and none else, must be told.
#[tokio::test]
async fn returned_messages_are_matched_by_id_with_2000_in_flight() {
    let rabbit = Rabbit::fresh().await;
    rabbit.vhost.unbind(UNROUTED_EXCHANGE, UNROUTED_QUEUE).await.unwrap();
    // Every pattern of lone and neighbouring unroutable messages: a batch's number, bit by bit, is its pattern.
    let batches = (0..20_usize).map(|caller| {
        let mut batch = events(&rabbit.cx, "connector.updated.v1", 100);
        for (place, one) in batch.iter_mut().enumerate() {
            if (caller * 13 + 5) >> (place % 8) & 1 == 1 {
                one.event_type = "nobody.wants.v1".to_owned();
            }
        }
        batch
    });
    let batches: Vec<_> = batches.collect();
    let results = join_all(batches.iter().map(|batch| rabbit.publish(batch.clone()))).await;
    let mut routed = 0;
    for (event, result) in batches.iter().flatten().zip(results.iter().flatten()) {
        match event.event_type.as_str() {
            "nobody.wants.v1" => assert_eq!(*result, Err(PublishError::Returned)),
            _ => {
                assert_eq!(*result, Ok(()));
                routed += 1;
            }
        }
    }
    rabbit.wait_for_depth(SYNC_WORKER_CONNECTOR.name, routed).await;
}

#[tokio::test]
async fn a_queue_purged_under_publishing_harms_no_confirm() {
    let rabbit = Rabbit::fresh().await;
    let publishing = async {
        for _round in 0..10 {
            let results = rabbit.publish(events(&rabbit.cx, "connector.updated.v1", 200)).await;
            assert!(results.iter().all(Result::is_ok), "{results:?}");
        }
    };
    let purging = async {
        for _round in 0..3 {
            rabbit.vhost.purge_all().await.unwrap();
        }
    };
    tokio::join!(publishing, purging);
}

#[tokio::test]
async fn an_event_type_too_long_for_a_routing_key_fails_alone() {
    let rabbit = Rabbit::fresh().await;
    let mut batch = events(&rabbit.cx, "connector.updated.v1", 3);
    batch[1].event_type = "x".repeat(300);
    assert_eq!(rabbit.publish(batch).await, [Ok(()), Err(PublishError::Returned), Ok(())]);
}

/// Order is a number on the event; what comes in order all the same costs no pull. Calls overlap as the relay's do.
#[tokio::test]
async fn events_of_one_stream_do_not_overtake_each_other() {
    let rabbit = Rabbit::fresh().await;
    let recorder = Recorder::new(&SYNC_WORKER_CONNECTOR, |_delivered| Outcome::Done);
    let publisher = rabbit.broker.publisher();
    let (mut next, mut sent) = ([0_i64; 5], Vec::new());
    let calls: FuturesUnordered<_> = (0..60)
        .map(|call| {
            let mut batch = events(&rabbit.cx, "connector.updated.v1", 50);
            for (place, one) in batch.iter_mut().enumerate() {
                let stream = (place + call) % next.len();
                next[stream] += 1;
                one.position = Some(Position { stream: format!("connector/{stream}"), seq: next[stream] });
            }
            sent.extend(ids(&batch));
            publisher.publish(batch)
        })
        .collect();
    let results: Vec<_> = calls.collect().await;
    assert!(results.iter().flatten().all(|result| *result == Ok(())));
    rabbit.broker.consume(recorder.clone(), config());
    recorder.wait_for(&sent).await;
    let mut reached = std::collections::HashMap::new();
    for delivered in recorder.seen() {
        let Position { stream, seq } = delivered.envelope.position.unwrap();
        assert_eq!(reached.insert(stream.clone(), seq).unwrap_or(0) + 1, seq, "{stream}");
    }
}

#[tokio::test]
async fn a_pulled_event_can_be_put_among_the_dead_letters() {
    let rabbit = Rabbit::fresh().await;
    let dead = event(&rabbit.cx, "connector.updated.v1", 7);
    let reason = "it never was a delivery".to_owned();
    rabbit.broker.publisher().dead_letter(&SYNC_WORKER_CONNECTOR, dead.clone(), reason.clone()).await.unwrap();
    let letters = dead_letters::list(&rabbit.vhost.amqp_url(), SYNC_WORKER_CONNECTOR.name, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0].id, &letters[0].reason), (&dead.id.to_string(), &reason));
    assert!(letters[0].died_at.is_some());
    assert_eq!(dead_letters::replay(&rabbit.vhost.amqp_url(), SYNC_WORKER_CONNECTOR.name, 10).await.unwrap(), 1);
    let recorder = Recorder::new(&SYNC_WORKER_CONNECTOR, |_delivered| Outcome::Done);
    rabbit.broker.consume(recorder.clone(), config());
    recorder.wait_for(&[dead.id]).await;
}
