//! A topic that comes, or changes, after accounts were connected.

use postrider_connector::jobs::{adopt_topic, keep_watches};
use postrider_gmail_sim::WatchRequest;
use postrider_testing::eventually;
use serde_json::{Value, json};

use crate::harness::{ANN, BEN, PATIENCE, Replica, TOPIC, World};

const NEW: &str = "projects/sim-project/topics/new";

async fn watch(world: &World, user: &str, id: &str) -> Value {
    world.call(user, "GET", &format!("/api/connectors/{id}"), None).await.body["watch"].clone()
}

async fn until_pushed(world: &World, replica: &Replica, user: &str, id: &str) {
    eventually("a push watch", PATIENCE, || async {
        keep_watches::turn(&replica.state).await.unwrap();
        let shown = watch(world, user, id).await;
        (shown["watch_type"] == "push" && shown["state"] == "active").then_some(())
    })
    .await;
}

fn is_watched_on(world: &World, address: &str, topic: &str) -> bool {
    let request = WatchRequest { topic: topic.into(), ..WatchRequest::default() };
    world.sim.world().watch_until(address).is_some() && world.sim.world().watch(address, &request).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_from_before_the_topic_get_their_watch_and_stopped_ones_stay_stopped() {
    let world = World::new().await;
    let plain = world.connect("ann", ANN).await;
    let polling = world.connect("ben", BEN).await;
    assert_eq!(world.call("ben", "POST", "/api/v1/gmail/watch/start", Some(json!({}))).await.status, 200);
    let stopped = world.connect("cleo", BEN).await;
    assert_eq!(world.call("cleo", "POST", "/api/v1/gmail/watch/start", Some(json!({}))).await.status, 200);
    assert_eq!(world.call("cleo", "POST", "/api/v1/gmail/watch/stop", None).await.status, 200);
    assert_eq!(adopt_topic::turn(world.state()).await.unwrap(), 0);
    // Its job looks at the start, so nobody has to connect again; another look finds nothing more.
    let with_topic = world.second(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    until_pushed(&world, &with_topic, "ann", &plain).await;
    until_pushed(&world, &with_topic, "ben", &polling).await;
    assert_eq!(watch(&world, "cleo", &stopped).await["state"], "stopped");
    for (user, id) in [("ann", &plain), ("ben", &polling)] {
        assert_eq!(world.event_types(id).await.last().unwrap(), "watch.started.v1", "{user}");
    }
    assert_eq!(adopt_topic::turn(&with_topic.state).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_topic_takes_every_watch_along() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let id = world.connect("ann", ANN).await;
    until_pushed(&world, &world.replica, "ann", &id).await;
    assert!(is_watched_on(&world, ANN, TOPIC));
    // The old replica is gone: it would want its own topic back.
    world.replica.cx.shutdown.stop_hard();
    let moved = world.second(&[("GMAIL_PUBSUB_TOPIC", NEW)]).await;
    eventually("the new topic at Google", PATIENCE, || async {
        keep_watches::turn(&moved.state).await.unwrap();
        is_watched_on(&world, ANN, NEW).then_some(())
    })
    .await;
    assert_eq!(adopt_topic::turn(&moved.state).await.unwrap(), 0);
}
