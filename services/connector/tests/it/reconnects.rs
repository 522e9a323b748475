//! What a new consent changes and what it leaves as its owner wanted it.

use postrider_connector::jobs::keep_watches;
use postrider_gmail_sim::oauth::Death;
use postrider_testing::eventually;
use serde_json::{Value, json};

use crate::harness::{ANN, PATIENCE, TOPIC, World};

async fn shown(world: &World, id: &str) -> Value {
    world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body
}

async fn version(world: &World, id: &str) -> i64 {
    world.lease(id, None).await.body["token_version"].as_i64().unwrap()
}

/// Google ends the grant, and the service notices.
async fn lose_the_grant(world: &World, id: &str) {
    let version = version(world, id).await;
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    assert_eq!(world.lease(id, Some(version)).await.code(), "reauth_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polling_watch_goes_on_after_a_lost_grant() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let started = world.call("ann", "POST", "/api/v1/gmail/watch/start", Some(json!({}))).await.body;
    lose_the_grant(&world, &id).await;
    assert_eq!(shown(&world, &id).await["watch"]["state"], "lapsed");
    assert_eq!(world.connect("ann", ANN).await, id);
    let watch = shown(&world, &id).await["watch"].clone();
    assert_eq!((&watch["state"], &watch["watch_type"]), (&json!("active"), &json!("polling")));
    assert_eq!(watch["watch_id"], started["watch_id"]);
    let types = world.event_types(&id).await;
    assert_eq!(types.last().unwrap(), "watch.started.v1", "{types:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_watch_on_the_owners_own_topic_goes_on_after_a_lost_grant() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let body = json!({"topic_name": TOPIC});
    assert_eq!(world.call("ann", "POST", "/api/v1/gmail/watch/start", Some(body)).await.status, 200);
    lose_the_grant(&world, &id).await;
    assert_eq!(world.connect("ann", ANN).await, id);
    eventually("the watch again", PATIENCE, || async {
        keep_watches::turn(world.state()).await.unwrap();
        (shown(&world, &id).await["watch"]["state"] == "active").then_some(())
    })
    .await;
    assert_eq!(world.event_types(&id).await.last().unwrap(), "watch.started.v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_owner_stopped_stays_stopped_until_the_account_is_disconnected() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let id = world.connect("ann", ANN).await;
    eventually("the watch", PATIENCE, || async {
        (shown(&world, &id).await["watch"]["state"] == "active").then_some(())
    })
    .await;
    assert_eq!(world.call("ann", "POST", "/api/v1/gmail/watch/stop", None).await.status, 200);
    eventually("stop at Google", PATIENCE, || async { (world.asked("stop") == 1).then_some(()) }).await;
    let asked = world.asked("watch");
    assert_eq!(world.connect("ann", ANN).await, id);
    lose_the_grant(&world, &id).await;
    assert_eq!(world.connect("ann", ANN).await, id);
    keep_watches::turn(world.state()).await.unwrap();
    assert_eq!((shown(&world, &id).await["watch"]["state"].clone(), world.asked("watch")), (json!("stopped"), asked));
    // Connecting an account anew is another matter than renewing its consent.
    assert_eq!(world.call("ann", "DELETE", &format!("/api/connectors/{id}"), None).await.status, 200);
    // Google revokes all of an account's grants to us at once: a consent that overlaps it would be dead too.
    let ended = &world.state().metrics.grants_ended;
    eventually("the old grant is given back", PATIENCE, || async {
        (ended.with_label_values(&["ok"]).get() == 1).then_some(())
    })
    .await;
    assert_eq!(world.connect("ann", ANN).await, id);
    eventually("the watch of the account anew", PATIENCE, || async {
        keep_watches::turn(world.state()).await.unwrap();
        (shown(&world, &id).await["watch"]["state"] == "active").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_outlives_a_consent() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let path = format!("/api/connectors/{id}");
    let pause = || world.call("ann", "PATCH", &path, Some(json!({"status": "paused"})));
    assert_eq!(pause().await.status, 200);
    assert_eq!(world.connect("ann", ANN).await, id);
    assert_eq!(shown(&world, &id).await["status"], "paused");
    // Also one whose grant was lost while it was paused: nobody but the hourly check asks for its tokens.
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    world.clock.advance(chrono::TimeDelta::minutes(61));
    postrider_connector::jobs::check_tokens::turn(world.state()).await.unwrap();
    assert_eq!(shown(&world, &id).await["status"], "reauth_required");
    assert_eq!(world.connect("ann", ANN).await, id);
    assert_eq!(shown(&world, &id).await["status"], "paused");
    let resume = world.call("ann", "PATCH", &path, Some(json!({"status": "active"}))).await;
    assert_eq!((resume.status, world.lease(&id, None).await.status), (200, 200));
    // One that was ended begins anew.
    assert_eq!(pause().await.status, 200);
    assert_eq!(world.call("ann", "DELETE", &path, None).await.status, 200);
    assert_eq!(world.connect("ann", ANN).await, id);
    assert_eq!(shown(&world, &id).await["status"], "active");
}

/// Refresh tokens belong to the OAuth client they were given to.
#[tokio::test(flavor = "multi_thread")]
async fn another_oauth_client_asks_for_new_consents_and_a_wrong_one_does_not() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let held = version(&world, &id).await;
    let token = world.token("sync-worker", "acme", "ann", "read");
    let body = json!({"connector_id": id, "newer_than": held});
    // A typing error: the accounts are fine.
    let wrong = world.second(&[("GOOGLE_CLIENT_ID", "wrong.apps.googleusercontent.com")]).await;
    let answer = world.send(&wrong.base, &token, "POST", "/internal/token-leases", Some(body.clone())).await;
    assert_eq!((answer.status, answer.code()), (503, "google_not_configured"), "{}", answer.text);
    assert_eq!(shown(&world, &id).await["status"], "active");
    // Another client that exists.
    world.sim.sim().oauth.configure(|config| config.client_id = "other.apps.googleusercontent.com".to_owned());
    let other = world.second(&[("GOOGLE_CLIENT_ID", "other.apps.googleusercontent.com")]).await;
    let answer = world.send(&other.base, &token, "POST", "/internal/token-leases", Some(body)).await;
    assert_eq!((answer.status, answer.code()), (409, "reauth_required"), "{}", answer.text);
    let now = shown(&world, &id).await;
    assert_eq!((&now["status"], &now["status_reason"]), (&json!("reauth_required"), &json!("client_changed")));
    // The consent to the new client is the same connector's.
    let code = world.code(ANN, &["openid", "email", crate::harness::READONLY]);
    let gateway = world.token("gateway", "acme", "ann", "read write");
    let again =
        world.send(&other.base, &gateway, "POST", "/api/auth/google/gmail", Some(json!({"auth_code": code}))).await;
    assert_eq!((again.status, again.body["connector_id"].as_str()), (200, Some(id.as_str())), "{}", again.text);
    assert_eq!(shown(&world, &id).await["status"], "active");
}
