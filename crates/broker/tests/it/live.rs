//! Hints reach who has bound their key, and a reconnect is told.

use std::time::Duration;

use broker::{LiveEvent, LiveStream};

use crate::harness::{PATIENCE, Rabbit, client};

async fn next(stream: &mut LiveStream) -> LiveEvent {
    tokio::time::timeout(PATIENCE, stream.next()).await.expect("a live event").expect("the service runs")
}

#[tokio::test]
async fn a_hint_reaches_the_other_replica_and_a_lost_connection_is_told() {
    let here = Rabbit::fresh().await;
    let (_cx, there) = client(here.vhost.amqp_url()).await;
    let live = there.live();
    let mut heard = live.subscribe();
    assert_eq!(next(&mut heard).await, LiveEvent::Reconnected);
    live.bind("live.a").await;
    here.broker.live().publish("live.b", "not for us");
    here.broker.live().publish("live.a", "one");
    let hint = |bytes: &'static str| LiveEvent::Message { key: "live.a".into(), bytes: bytes.into() };
    assert_eq!(next(&mut heard).await, hint("one"));

    // A second user of the key goes, the first still listens.
    live.bind("live.a").await;
    live.unbind("live.a").await;
    here.broker.live().publish("live.a", "two");
    assert_eq!(next(&mut heard).await, hint("two"));

    here.vhost.close_connections().await.unwrap();
    while next(&mut heard).await != LiveEvent::Reconnected {}
    // The key is bound again without being asked for again. Hints are best effort: the sender may still be away.
    let arrived = async {
        loop {
            here.broker.live().publish("live.a", "three");
            if tokio::time::timeout(Duration::from_millis(200), heard.next()).await == Ok(Some(hint("three"))) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.expect("a hint after the reconnect");
}

#[tokio::test]
async fn the_last_unbind_ends_the_hints() {
    let rabbit = Rabbit::fresh().await;
    let live = rabbit.broker.live();
    let mut heard = live.subscribe();
    assert_eq!(next(&mut heard).await, LiveEvent::Reconnected);
    live.bind("live.a").await;
    live.bind("live.b").await;
    live.unbind("live.a").await;
    live.publish("live.a", "gone");
    live.publish("live.b", "here");
    assert_eq!(next(&mut heard).await, LiveEvent::Message { key: "live.b".into(), bytes: "here".into() });
}
