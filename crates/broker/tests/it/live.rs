//! Hints reach who has bound their key, and a reconnect is told.

use std::time::Duration;

use postrider_broker::{Live, LiveEvent, LiveStream};

use crate::harness::{PATIENCE, Rabbit, client};

/// Sends a hint until it is heard: both sides may still be connecting, and hints are best effort. Answers what else was
/// heard meanwhile.
async fn arrives(from: &Live, to: &mut LiveStream, key: &str, text: &'static str) -> Vec<LiveEvent> {
    let wanted = LiveEvent::Message { key: key.into(), bytes: text.into() };
    let mut others = Vec::new();
    let heard = async {
        loop {
            from.publish(key, text);
            let listen = async {
                while let Some(event) = to.next().await {
                    if event == wanted {
                        return;
                    }
                    others.push(event);
                }
            };
            if tokio::time::timeout(Duration::from_millis(200), listen).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("{text} never came by {key}"));
    others
}

#[tokio::test]
async fn a_hint_reaches_the_other_replica_and_a_lost_connection_is_told() {
    let here = Rabbit::fresh().await;
    let (_cx, there) = client(here.vhost.amqp_url()).await;
    let (sender, live) = (here.broker.live(), there.live());
    let mut heard = live.subscribe();
    live.bind("live.a").await;
    arrives(&sender, &mut heard, "live.a", "one").await;

    // A second user of the key goes, the first still listens.
    live.bind("live.a").await;
    live.unbind("live.a").await;
    arrives(&sender, &mut heard, "live.a", "two").await;

    here.vhost.close_connections().await.unwrap();
    let lost = async { while heard.next().await != Some(LiveEvent::Reconnected) {} };
    tokio::time::timeout(PATIENCE, lost).await.expect("the reconnect is told");
    // The key is bound again without being asked for again.
    arrives(&sender, &mut heard, "live.a", "three").await;
}

#[tokio::test]
async fn only_bound_keys_are_heard_and_the_last_unbind_ends_the_hints() {
    let rabbit = Rabbit::fresh().await;
    let live = rabbit.broker.live();
    let mut heard = live.subscribe();
    live.bind("live.a").await;
    arrives(&live, &mut heard, "live.a", "first").await;
    live.bind("live.b").await;
    live.unbind("live.a").await;
    live.publish("live.a", "gone");
    live.publish("live.c", "never asked for");
    let others = arrives(&live, &mut heard, "live.b", "last").await;
    let unwanted = |event: &LiveEvent| matches!(event, LiveEvent::Message { bytes, .. } if bytes != "first");
    assert!(!others.iter().any(unwanted), "{others:?}");
}
