//! Several connectors of one Google account: who may move its watch, and how a newcomer joins it.

use postrider_connector::jobs::keep_watches;
use postrider_contracts::connector::WatchStarted;
use postrider_gmail_sim::Rule;
use postrider_google_auth::seal::Sealer;
use postrider_storage::Statement;
use postrider_testing::eventually;
use serde_json::{Value, json};

use crate::harness::{ANN, Answer, PATIENCE, TOPIC, World};

const OTHER: &str = "projects/sim-project/topics/other";
const CLEO: (&str, &str) = ("other", "cleo");

async fn start(world: &World, who: (&str, &str), body: Value) -> Answer {
    world.call_as(who, "POST", "/api/v1/gmail/watch/start", Some(body)).await
}

async fn watch_of(world: &World, who: (&str, &str), id: &str) -> Value {
    world.call_as(who, "GET", &format!("/api/connectors/{id}"), None).await.body["watch"].clone()
}

/// Whether Google watches the account on this topic: it refuses any other while a watch lives.
fn is_watched_on(world: &World, topic: &str) -> bool {
    let request =
        postrider_gmail_sim::WatchRequest { topic: topic.into(), ..postrider_gmail_sim::WatchRequest::default() };
    world.sim.world().watch_until(ANN).is_some() && world.sim.world().watch(ANN, &request).is_ok()
}

async fn until_active(world: &World, who: (&str, &str), id: &str) {
    eventually("an active watch", PATIENCE, || async {
        (watch_of(world, who, id).await["state"] == "active").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_with_a_topic_takes_no_other() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let one = world.connect("ann", ANN).await;
    until_active(&world, ("acme", "ann"), &one).await;
    world.connect_as(CLEO, ANN).await;
    let asked = world.asked("watch");
    let moved = start(&world, CLEO, json!({"topic_name": OTHER})).await;
    assert_eq!((moved.status, moved.fields()), (422, vec!["topic_name"]), "{}", moved.body);
    assert_eq!(world.asked("watch"), asked);
    assert!(is_watched_on(&world, TOPIC));
    assert_eq!(start(&world, CLEO, json!({"topic_name": TOPIC})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_others_share_stays_on_its_topic() {
    let world = World::new().await;
    world.connect("ann", ANN).await;
    world.connect_as(CLEO, ANN).await;
    assert_eq!(start(&world, ("acme", "ann"), json!({"topic_name": TOPIC})).await.status, 200);
    let asked = world.asked("watch");
    let moved = start(&world, CLEO, json!({"topic_name": OTHER})).await;
    assert_eq!((moved.status, moved.code()), (409, "topic_taken"), "{}", moved.body);
    assert!(!moved.text.contains(TOPIC), "another tenant's topic was told: {}", moved.text);
    assert_eq!(world.asked("watch"), asked);
    assert!(is_watched_on(&world, TOPIC));
    // On the same topic all may have a share; who is alone may move it.
    assert_eq!(start(&world, CLEO, json!({"topic_name": TOPIC})).await.status, 200);
    assert_eq!(world.call("ann", "POST", "/api/v1/gmail/watch/stop", None).await.status, 200);
    assert_eq!(start(&world, CLEO, json!({"topic_name": OTHER})).await.status, 200);
    assert!(is_watched_on(&world, OTHER));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_start_on_different_topics_at_once_the_first_keeps_its_own() {
    let world = World::new().await;
    world.connect("ann", ANN).await;
    world.connect_as(CLEO, ANN).await;
    let slow = Rule { method: Some("watch".into()), latency_ms: Some(300), count: Some(2), ..Rule::default() };
    world.sim.sim().gate.add_rule(slow);
    let (one, two) = tokio::join!(
        start(&world, ("acme", "ann"), json!({"topic_name": TOPIC})),
        start(&world, CLEO, json!({"topic_name": OTHER})),
    );
    let kept = match (one.status, two.status) {
        (200, 409) => TOPIC,
        (409, 200) => OTHER,
        both => panic!("one has to win: {both:?} {} {}", one.text, two.text),
    };
    eventually("the first one's topic at Google", PATIENCE, || async {
        keep_watches::turn(world.state()).await.unwrap();
        is_watched_on(&world, kept).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_a_watched_account_is_watched_at_once() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let one = world.connect("ann", ANN).await;
    until_active(&world, ("acme", "ann"), &one).await;
    let two = world.connect_as(CLEO, ANN).await;
    assert_eq!(world.event_types(&two).await, ["connector.connected.v1", "watch.started.v1"]);
    let (known, joined) = (watch_of(&world, ("acme", "ann"), &one).await, watch_of(&world, CLEO, &two).await);
    assert_eq!((&joined["state"], &joined["watch_type"]), (&json!("active"), &json!("push")), "{joined}");
    assert!(joined["expiration"].is_string() && joined["expiration"] == known["expiration"], "{joined} {known}");
    let started = world.events(&two).await.iter().find_map(|event| event.decode::<WatchStarted>().ok()?.watch).unwrap();
    assert!(started.expires_at_ms > 0 && started.version == 1, "{started:?}");
    assert_eq!(world.asked("watch"), 1);
    // Connecting again tells nothing new about the watch.
    world.connect_as(CLEO, ANN).await;
    let types = world.event_types(&two).await;
    assert_eq!(types, ["connector.connected.v1", "watch.started.v1", "connector.connected.v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_consent_brings_the_share_of_a_watch_that_went_on_back() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let one = world.connect("ann", ANN).await;
    until_active(&world, ("acme", "ann"), &one).await;
    let two = world.connect_as(CLEO, ANN).await;
    // The token of one of them is dead; the other's grant and with it the watch live on.
    let sealed = Sealer::parse(&world.key).unwrap().seal(&postrider_domain::Secret::new("1//nonsense"));
    let conn = world.db.admin().await;
    let text = format!("UPDATE connector.credentials SET refresh_sealed = '{sealed}' WHERE connector_id = '{one}'");
    Statement::dynamic(text).execute(&conn).await.unwrap();
    let version = world.lease(&one, None).await.body["token_version"].as_i64();
    assert_eq!(world.lease(&one, version).await.code(), "reauth_required");
    assert_eq!(watch_of(&world, ("acme", "ann"), &one).await["state"], "lapsed");
    let asked = world.asked("watch");
    assert_eq!(world.connect("ann", ANN).await, one);
    let back = watch_of(&world, ("acme", "ann"), &one).await;
    assert_eq!((&back["state"], back["expiration"].is_string()), (&json!("active"), true), "{back}");
    let types = world.event_types(&one).await;
    assert_eq!(types.iter().filter(|name| *name == "watch.started.v1").count(), 2, "{types:?}");
    assert_eq!(watch_of(&world, CLEO, &two).await["state"], "active");
    assert_eq!(world.asked("watch"), asked);
}
