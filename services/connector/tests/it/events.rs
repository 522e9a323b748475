//! What leaves the service: a dense sequence for each connector, on the broker and by pull.

use postrider_contracts::topology::{NOTIFICATION_CONNECTOR, SYNC_WORKER_CONNECTOR};
use postrider_testing::eventually;
use serde_json::json;

use crate::harness::{ANN, BEN, PATIENCE, World};

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_one_event_with_the_next_number_and_version() {
    let world = World::new().await;
    let (id, other) = (world.connect("ann", ANN).await, world.connect("ann", BEN).await);
    let path = format!("/api/connectors/{id}");
    let names: Vec<String> = (0..8).map(|n| format!("Name {n}")).collect();
    let changes = names.iter().map(|name| world.call("ann", "PATCH", &path, Some(json!({"display_name": name}))));
    assert!(futures_util::future::join_all(changes).await.iter().all(|answer| answer.status == 200));
    world.call("ann", "DELETE", &path, None).await;
    let events = world.events(&id).await;
    let numbers: Vec<_> = events.iter().map(|event| event.position.as_ref().unwrap().seq).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    let versions: Vec<_> = events.iter().map(version).collect();
    assert_eq!(versions, (1..=10).collect::<Vec<_>>());
    assert_eq!(world.events(&other).await.len(), 1);
    for queue in [&SYNC_WORKER_CONNECTOR, &NOTIFICATION_CONNECTOR] {
        eventually("11 events in the queue", PATIENCE, || async {
            (world.replica.broker.depth(queue) == 11).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_pull_what_the_broker_lost() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    world.call("ann", "PATCH", &format!("/api/connectors/{id}"), Some(json!({"status": "paused"}))).await;
    let token = world.token("notification", "acme", "ann", "read");
    let path = format!("/internal/events?stream=connector/{id}&after=1");
    let page = world.send(&world.replica.base, &token, "GET", &path, None).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(page.body["data"].as_array().unwrap().len(), 1);
    let path = "/internal/streams?changed_since=2020-01-01T00:00:00Z";
    let heads = world.send(&world.replica.base, &token, "GET", path, None).await;
    assert_eq!(heads.body["data"][0]["head"], 2, "{}", heads.body);
}

fn version(event: &postrider_contracts::Envelope) -> i64 {
    use postrider_contracts::connector as proto;
    let state = match event.event_type.as_str() {
        "connector.connected.v1" => event.decode::<proto::ConnectorConnected>().unwrap().connector,
        "connector.updated.v1" => event.decode::<proto::ConnectorUpdated>().unwrap().connector,
        "connector.disconnected.v1" => event.decode::<proto::ConnectorDisconnected>().unwrap().connector,
        other => panic!("unexpected {other}"),
    };
    state.unwrap().version
}
