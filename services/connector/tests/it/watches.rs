//! Google's watch: started on connect, renewed daily, stopped by the last who wanted it.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_connector::actions::watch::heard;
use postrider_connector::jobs::keep_watches;
use postrider_contracts::connector::{WatchRenewed, WatchStarted};
use postrider_domain::Clock as _;
use postrider_gmail_sim::Rule;
use postrider_gmail_sim::oauth::Death;
use postrider_testing::eventually;
use serde_json::json;

use crate::harness::{ANN, Answer, BEN, PATIENCE, TOPIC, World};

async fn start(world: &World, user: &str, body: serde_json::Value) -> Answer {
    world.call(user, "POST", "/api/v1/gmail/watch/start", Some(body)).await
}

async fn watch_of(world: &World, user: &str, id: &str) -> serde_json::Value {
    world.call(user, "GET", &format!("/api/connectors/{id}"), None).await.body["watch"].clone()
}

async fn until(world: &World, id: &str, name: &str, times: usize) {
    eventually(&format!("{times} × {name}"), PATIENCE, || async {
        let types = world.event_types(id).await;
        (types.iter().filter(|known| *known == name).count() >= times).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_starts_the_watch_and_a_day_later_it_is_renewed() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let id = world.connect("ann", ANN).await;
    until(&world, &id, "watch.started.v1", 1).await;
    let shown = watch_of(&world, "ann", &id).await;
    assert_eq!((&shown["state"], &shown["watch_type"]), (&json!("active"), &json!("push")));
    assert!(world.sim.world().watch_until(ANN).is_some());
    keep_watches::turn(world.state()).await.unwrap();
    assert_eq!(world.asked("watch"), 1);
    // Google pushes when it is asked.
    heard::note(world.state(), &[("ann@example.com".to_owned(), world.clock.now())].into()).await.unwrap();
    world.clock.advance(TimeDelta::hours(25));
    keep_watches::turn(world.state()).await.unwrap();
    until(&world, &id, "watch.renewed.v1", 1).await;
    let events = world.events(&id).await;
    let started = events.iter().find_map(|event| event.decode::<WatchStarted>().ok()?.watch).unwrap();
    let renewed = events.iter().find_map(|event| event.decode::<WatchRenewed>().ok()?.watch).unwrap();
    assert_eq!((started.version, renewed.version), (1, 2));
    assert!(renewed.expires_at_ms > started.expires_at_ms);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_watch_serves_all_connectors_of_the_account() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let one = world.connect("ann", ANN).await;
    until(&world, &one, "watch.started.v1", 1).await;
    let two = world.connect_as(("other", "cleo"), ANN).await;
    let again = start(&world, "ann", json!({})).await;
    assert_eq!((again.status, &again.body["watch_type"]), (200, &json!("push")), "{}", again.body);
    until(&world, &two, "watch.started.v1", 1).await;
    // Only the last one stops it.
    assert_eq!(world.call("ann", "POST", "/api/v1/gmail/watch/stop", None).await.body, json!({"stopped": true}));
    keep_watches::turn(world.state()).await.unwrap();
    assert_eq!(world.asked("stop"), 0);
    let stop =
        world.call_as(("other", "cleo"), "POST", "/api/v1/gmail/watch/stop", Some(json!({"connector_id": two}))).await;
    assert_eq!(stop.status, 200);
    eventually("stop at Google", PATIENCE, || async { (world.asked("stop") == 1).then_some(()) }).await;
    assert_eq!(world.call("ann", "POST", "/api/v1/gmail/watch/stop", None).await.body, json!({"stopped": true}));
    assert_eq!(world.event_types(&one).await.iter().filter(|name| *name == "watch.stopped.v1").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_never_blocks_connecting_and_is_tried_again() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let down = Rule { method: Some("watch".into()), status: Some(503), ..Rule::default() };
    world.sim.sim().gate.add_rule(down);
    let id = world.connect("ann", ANN).await;
    eventually("a call", PATIENCE, || async { (world.asked("watch") >= 1).then_some(()) }).await;
    assert_eq!(watch_of(&world, "ann", &id).await["state"], "pending");
    world.sim.sim().gate.remove_rules(None);
    eventually("the retry", PATIENCE, || async {
        world.clock.advance(TimeDelta::seconds(30));
        keep_watches::turn(world.state()).await.unwrap();
        (watch_of(&world, "ann", &id).await["state"] == "active").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_topic_on_the_account_is_taken_over() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let request = postrider_gmail_sim::WatchRequest {
        topic: "projects/sim-project/topics/older".into(),
        ..postrider_gmail_sim::WatchRequest::default()
    };
    world.sim.world().watch(ANN, &request).unwrap();
    let id = world.connect("ann", ANN).await;
    until(&world, &id, "watch.started.v1", 1).await;
    assert_eq!(world.asked("stop"), 1);
    assert_eq!(world.asked("watch"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_ran_out_is_told_and_started_again() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let id = world.connect("ann", ANN).await;
    until(&world, &id, "watch.started.v1", 1).await;
    let down = Rule { method: Some("watch".into()), status: Some(503), ..Rule::default() };
    world.sim.sim().gate.add_rule(down);
    world.clock.advance(TimeDelta::days(8));
    keep_watches::turn(world.state()).await.unwrap();
    until(&world, &id, "watch.lapsed.v1", 1).await;
    assert_eq!(watch_of(&world, "ann", &id).await["state"], "lapsed");
    world.sim.sim().gate.remove_rules(None);
    eventually("the new watch", PATIENCE, || async {
        world.clock.advance(TimeDelta::hours(1));
        keep_watches::turn(world.state()).await.unwrap();
        (watch_of(&world, "ann", &id).await["state"] == "active").then_some(())
    })
    .await;
    until(&world, &id, "watch.started.v1", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_topic_a_polling_watch_answers_the_history_id() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    assert_eq!(watch_of(&world, "ann", &id).await, serde_json::Value::Null);
    let body = json!({"label_ids": ["INBOX"], "label_filter_action": "include"});
    let answer = start(&world, "ann", body).await;
    assert_eq!((answer.status, &answer.body["watch_type"]), (200, &json!("polling")), "{}", answer.body);
    assert!(answer.body["historyId"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(answer.body["expiration"], serde_json::Value::Null);
    let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body;
    assert_eq!(
        (&shown["settings"]["label_ids"], &shown["watch"]["watch_id"]),
        (&json!(["INBOX"]), &answer.body["watch_id"])
    );
    assert_eq!(world.asked("watch"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn which_account_is_meant_must_be_clear() {
    let world = World::new().await;
    assert_eq!(start(&world, "ann", json!({})).await.code(), "account_missing");
    let one = world.connect("ann", ANN).await;
    world.connect("ann", BEN).await;
    let ambiguous = start(&world, "ann", json!({})).await;
    assert_eq!((ambiguous.status, ambiguous.code()), (409, "account_ambiguous"));
    assert_eq!(ambiguous.body["accounts"].as_array().unwrap().len(), 2);
    assert_eq!(start(&world, "ann", json!({"connector_id": one})).await.status, 200);
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(start(&world, "ann", json!({"connector_id": one})).await.code(), "reauth_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_google_refuses_changes_nothing() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let refused =
        Rule { method: Some("watch".into()), status: Some(403), reason: Some("forbidden".into()), ..Rule::default() };
    world.sim.sim().gate.add_rule(refused);
    let answer = start(&world, "ann", json!({"topic_name": "projects/else/topics/where"})).await;
    assert_eq!((answer.status, answer.code()), (409, "google_refused"), "{}", answer.body);
    assert_eq!(watch_of(&world, "ann", &id).await, serde_json::Value::Null);
    assert_eq!(world.event_types(&id).await, ["connector.connected.v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_call_google_once() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let _other = world.second(&[]).await;
    let id = world.connect("ann", ANN).await;
    until(&world, &id, "watch.started.v1", 1).await;
    for _ in 0..3 {
        world.clock.advance(TimeDelta::hours(25));
        let asked = world.asked("watch");
        eventually("the renewal", PATIENCE, || async { (world.asked("watch") > asked).then_some(()) }).await;
        tokio::time::timeout(Duration::from_secs(5), keep_watches::turn(world.state())).await.unwrap().unwrap();
        assert_eq!(world.asked("watch"), asked + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_too_many_labels_does_nothing_at_all() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let asked = (world.asked("watch"), world.asked("getProfile"));
    let labels: Vec<_> = (0..101).map(|n| format!("Label_{n}")).collect();
    for topic in [json!(null), json!(TOPIC)] {
        let answer = start(&world, "ann", json!({"topic_name": topic, "label_ids": labels})).await;
        assert_eq!((world.asked("watch"), world.asked("getProfile")), asked, "{topic}");
        assert_eq!(watch_of(&world, "ann", &id).await, serde_json::Value::Null, "{topic}");
        assert_eq!((answer.status, answer.fields()), (422, vec!["label_ids"]), "{}", answer.body);
    }
    assert_eq!(world.event_types(&id).await, ["connector.connected.v1"]);
}
