//! Watches that run and push nothing, and calls that meet.

use chrono::TimeDelta;
use postrider_connector::actions::watch::heard;
use postrider_connector::jobs::{keep_watches, measure_watches};
use postrider_contracts::connector::{WatchLapsed, WatchRenewed};
use postrider_contracts::{Envelope, Event as _, streams};
use postrider_domain::Clock;
use postrider_gmail_sim::Rule;
use postrider_testing::eventually;
use serde_json::{Value, json};

use crate::harness::{ANN, PATIENCE, TOPIC, World};

async fn silent_since(world: &World, id: &str) -> Value {
    world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body["watch"]["silent_since"].clone()
}

/// A push of the account arrives now.
async fn heard(world: &World) {
    let at = [("ann@example.com".to_owned(), world.clock.now())].into();
    heard::note(world.state(), &at).await.unwrap();
}

/// What was told of the watch since it started: the event, and whether it is silent.
async fn told(world: &World, id: &str) -> Vec<(String, bool)> {
    let stream = streams::connector(id.parse().unwrap());
    let events = postrider_events::streams::read_events(&world.db.db, &stream, 0, 1_000).await.unwrap();
    let watch = |event: &Envelope| match event.event_type.as_str() {
        WatchRenewed::TYPE => event.decode::<WatchRenewed>().unwrap().watch,
        WatchLapsed::TYPE => event.decode::<WatchLapsed>().unwrap().watch,
        _ => None,
    };
    let named = |event: &Envelope| Some((event.event_type.clone(), watch(event)?.silent));
    events.iter().filter_map(named).collect()
}

async fn turn(world: &World) {
    keep_watches::turn(world.state()).await.unwrap();
}

async fn watched() -> (World, String) {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let id = world.connect("ann", ANN).await;
    eventually("the watch", PATIENCE, || async {
        let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body;
        (shown["watch"]["state"] == "active").then_some(())
    })
    .await;
    (world, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_whose_own_push_does_not_come_is_noticed_and_probed() {
    let (world, id) = watched().await;
    world.clock.advance(TimeDelta::minutes(8));
    turn(&world).await;
    assert_eq!((silent_since(&world, &id).await, world.asked("watch")), (Value::Null, 1));
    world.clock.advance(TimeDelta::minutes(5));
    let metrics = &world.state().metrics;
    eventually("the silence", PATIENCE, || async {
        turn(&world).await;
        (metrics.watches_silent.get() == 1).then_some(())
    })
    .await;
    assert!(silent_since(&world, &id).await.is_string());
    eventually("the probe", PATIENCE, || async { (world.asked("watch") == 2).then_some(()) }).await;
    // Not every ten minutes for ever, and one silence is told once.
    world.clock.advance(TimeDelta::hours(1));
    turn(&world).await;
    assert_eq!((world.asked("watch"), metrics.watches_silent.get()), (2, 1));
    world.clock.advance(TimeDelta::hours(6));
    eventually("the next probe", PATIENCE, || async {
        turn(&world).await;
        (world.asked("watch") == 3).then_some(())
    })
    .await;
    assert_eq!(metrics.watches_silent.get(), 1);
    let lapsed = (WatchLapsed::TYPE.to_owned(), true);
    let probed = (WatchRenewed::TYPE.to_owned(), true);
    assert_eq!(told(&world, &id).await, [lapsed.clone(), probed.clone(), probed.clone()]);
    // The push of the probe arrives: it is well again.
    heard(&world).await;
    heard(&world).await;
    let well = (WatchRenewed::TYPE.to_owned(), false);
    assert_eq!(told(&world, &id).await, [lapsed, probed.clone(), probed, well]);
    assert_eq!(silent_since(&world, &id).await, Value::Null);
    world.clock.advance(TimeDelta::hours(7));
    turn(&world).await;
    assert_eq!((world.asked("watch"), metrics.watches_silent.get()), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_was_heard_is_left_alone() {
    let (world, id) = watched().await;
    // Google's push may be there before its answer.
    heard(&world).await;
    world.clock.advance(TimeDelta::hours(3));
    turn(&world).await;
    assert_eq!((silent_since(&world, &id).await, world.asked("watch")), (Value::Null, 1));
}

/// Two calls of `watch` at the same time would leave two subscriptions at Google, each pushing.
#[tokio::test(flavor = "multi_thread")]
async fn starts_of_two_tenants_at_once_are_one_call() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let (one, two) = (world.connect("ann", ANN).await, world.connect_as(("other", "cleo"), ANN).await);
    eventually("the watch", PATIENCE, || async { (world.asked("watch") >= 1).then_some(()) }).await;
    eventually("both shares", PATIENCE, || async {
        let types = [world.event_types(&one).await, world.event_types(&two).await];
        types.iter().all(|types| types.iter().any(|name| name == "watch.started.v1")).then_some(())
    })
    .await;
    let before = world.asked("watch");
    let slow = Rule { method: Some("watch".into()), latency_ms: Some(700), ..Rule::default() };
    world.sim.sim().gate.add_rule(slow);
    let path = "/api/v1/gmail/watch/start";
    let (a, b, c) = tokio::join!(
        world.call("ann", "POST", path, Some(json!({}))),
        world.call_as(("other", "cleo"), "POST", path, Some(json!({}))),
        world.call("ann", "POST", path, Some(json!({}))),
    );
    for answer in [&a, &b, &c] {
        assert_eq!((answer.status, &answer.body["watch_type"]), (200, &json!("push")), "{}", answer.text);
    }
    assert_eq!(world.asked("watch"), before + 1);
    // A call that failed holds nobody up.
    world.sim.sim().gate.remove_rules(None);
    let down = Rule { method: Some("watch".into()), status: Some(503), ..Rule::default() };
    world.sim.sim().gate.add_rule(down);
    assert_eq!(world.call("ann", "POST", path, Some(json!({}))).await.status, 503);
    world.sim.sim().gate.remove_rules(None);
    assert_eq!(world.call("ann", "POST", path, Some(json!({}))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_expiry_of_the_first_watch_is_measured() {
    let (world, id) = watched().await;
    let expiry = async || {
        measure_watches::turn(world.state()).await.unwrap();
        world.state().metrics.watch_expiry.get()
    };
    let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body;
    let told: chrono::DateTime<chrono::Utc> = shown["watch"]["expiration"].as_str().unwrap().parse().unwrap();
    assert_eq!(expiry().await, told.timestamp());
    assert_eq!(world.call("ann", "POST", "/api/v1/gmail/watch/stop", None).await.status, 200);
    assert_eq!(expiry().await, 0, "nobody wants one");
}
