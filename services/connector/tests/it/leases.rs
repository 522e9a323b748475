//! Access-token leases: one refresh for many callers, and nothing lost by a crash.

use chrono::TimeDelta;
use futures_util::future::join_all;
use postrider_gmail_sim::Rule;
use postrider_gmail_sim::oauth::Death;
use postrider_google_auth::seal::Sealer;
use postrider_storage::{Statement, row};
use serde_json::json;

use postrider_testing::eventually;

use crate::harness::{ANN, PATIENCE, World};

fn slow_token(ms: u64) -> Rule {
    Rule { method: Some("oauth.token".into()), latency_ms: Some(ms), ..Rule::default() }
}

/// Google was asked for so many tokens; the last may still be under way.
async fn until_asked(world: &World, times: u64) {
    eventually("a token request", PATIENCE, || async { (world.asked("oauth.token") >= times).then_some(()) }).await;
}

async fn behind_the_roles(world: &World, text: &str) {
    let conn = world.db.admin().await;
    Statement::dynamic("SET search_path = connector".to_owned()).execute(&conn).await.unwrap();
    Statement::dynamic(text.to_owned()).execute(&conn).await.unwrap();
}

row! {
    #[derive(Debug)]
    struct Stored {
        version: i64,
        refresh_sealed: Option<String>,
        refresher: Option<uuid::Uuid>,
    }
}

async fn stored(world: &World) -> Stored {
    let tx = world.db.db.tenant(&postrider_domain::TenantId::parse("acme").unwrap()).await.unwrap();
    postrider_storage::sql("SELECT version, refresh_sealed, refresher FROM credentials").get_result(&tx).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_the_stored_token_until_it_is_spent() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let asked = world.asked("oauth.token");
    let first = world.lease(&id, None).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(
        (&first.body["google_sub"], &first.body["email_address"]),
        (&json!(world.account(ANN).sub), &json!(ANN))
    );
    assert_eq!(world.lease(&id, None).await.body["token"], first.body["token"]);
    assert_eq!(world.asked("oauth.token"), asked);
    world.clock.advance(TimeDelta::minutes(59));
    let second = world.lease(&id, None).await;
    assert_ne!(second.body["token"], first.body["token"]);
    assert!(second.body["token_version"].as_i64() > first.body["token_version"].as_i64());
    assert_eq!(world.asked("oauth.token"), asked + 1);
}

/// Another provider, or an administrator's policy, may give tokens that live two minutes or less.
#[tokio::test(flavor = "multi_thread")]
async fn short_lived_tokens_are_leased_for_half_their_life() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let version = stored(&world).await.version;
    world.sim.sim().oauth.configure(|config| config.access_seconds = 100);
    let asked = world.asked("oauth.token");
    let first = world.lease(&id, Some(version)).await;
    assert_eq!(first.status, 200, "{}", first.text);
    world.clock.advance(TimeDelta::seconds(40));
    assert_eq!(world.lease(&id, None).await.body["token"], first.body["token"]);
    assert_eq!(world.asked("oauth.token"), asked + 1);
    world.clock.advance(TimeDelta::seconds(15));
    assert_ne!(world.lease(&id, None).await.body["token"], first.body["token"]);
    assert_eq!(world.asked("oauth.token"), asked + 2);
    // One that is spent when it comes is nobody's token: Google is not asked over and over.
    world.sim.sim().oauth.configure(|config| config.access_seconds = 0);
    let asked = world.asked("oauth.token");
    let version = stored(&world).await.version;
    let spent = world.lease(&id, Some(version)).await;
    assert_eq!((spent.status, spent.code()), (503, "google_unavailable"), "{}", spent.text);
    assert!(world.asked("oauth.token") <= asked + 2, "{}", world.asked("oauth.token") - asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_on_two_replicas_cost_one_refresh() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let other = world.second(&[]).await;
    let asked = world.asked("oauth.token");
    let refused = world.lease(&id, None).await.body["token_version"].as_i64();
    world.sim.sim().gate.add_rule(slow_token(300));
    let token = world.token("sync-worker", "acme", "ann", "read");
    let body = json!({"connector_id": id, "newer_than": refused});
    let leases = (0..40).map(|n| {
        let base = if n % 2 == 0 { &world.replica.base } else { &other.base };
        world.send(base, &token, "POST", "/internal/token-leases", Some(body.clone()))
    });
    let answers = join_all(leases).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body), "{}", answers[0].text);
    assert_eq!(world.asked("oauth.token"), asked + 1);
    // Who was refused with an older token gets the one at hand.
    assert_eq!(world.lease(&id, refused).await.body["token"], answers[0].body["token"]);
    assert_eq!(world.asked("oauth.token"), asked + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_died_in_a_refresh_delays_the_next_one_only() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let version = stored(&world).await.version;
    behind_the_roles(&world, "UPDATE credentials SET refresher = gen_random_uuid(), refreshing_until = clock_timestamp() + interval '1 hour'").await;
    let asked = world.asked("oauth.token");
    let waiting = world.lease(&id, Some(version));
    tokio::pin!(waiting);
    let waits = || async { (world.state().metrics.refresh_waits.get() == 1).then_some(()) };
    tokio::select! {
        answer = &mut waiting => panic!("nobody may refresh beside the holder of the claim: {}", answer.text),
        () = eventually("a lease that saw the claim and waits", PATIENCE, waits) => {}
    }
    assert_eq!(world.asked("oauth.token"), asked);
    behind_the_roles(&world, "UPDATE credentials SET refreshing_until = clock_timestamp()").await;
    let lease = waiting.await;
    assert_eq!((lease.status, lease.body["token_version"].as_i64()), (200, Some(version + 1)), "{}", lease.text);
    assert_eq!(world.asked("oauth.token"), asked + 1);
    assert!(stored(&world).await.refresher.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_loses_no_rotated_refresh_token() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    world.sim.sim().oauth.configure(|config| config.rotate_refresh = true);
    world.sim.sim().gate.add_rule(slow_token(1_000));
    let before = stored(&world).await;
    let asked = world.asked("oauth.token");
    tokio::select! {
        _ = world.lease(&id, Some(before.version)) => panic!("Google has not answered yet"),
        () = until_asked(&world, asked + 1) => {}
    }
    world.sim.sim().gate.remove_rules(None);
    let lease = world.lease(&id, Some(before.version)).await;
    assert_eq!(lease.status, 200, "{}", lease.body);
    let after = stored(&world).await;
    assert_eq!(after.version, before.version + 1);
    // The rotated token is the one that is kept: the next refresh works.
    assert_eq!(world.lease(&id, Some(after.version)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_google_is_down_a_token_that_lasts_is_handed_out() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let version = stored(&world).await.version;
    let down = Rule { method: Some("oauth.token".into()), status: Some(503), ..Rule::default() };
    world.sim.sim().gate.add_rule(down);
    world.clock.advance(TimeDelta::seconds(3_599 - 60));
    assert_eq!(world.lease(&id, None).await.status, 200);
    let refused = world.lease(&id, Some(version)).await;
    assert_eq!((refused.status, refused.code()), (503, "google_unavailable"));
    assert!(!refused.header("retry-after").is_empty());
    world.clock.advance(TimeDelta::seconds(60));
    assert_eq!(world.lease(&id, None).await.status, 503);
    assert_eq!(world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body["status"], "active");
    world.sim.sim().gate.remove_rules(None);
    assert_eq!(world.lease(&id, None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_refusal_of_google_does_not_undo_a_new_consent() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let version = stored(&world).await.version;
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    world.sim.sim().gate.add_rule(Rule { count: Some(1), ..slow_token(3_000) });
    let asked = world.asked("oauth.token");
    let consenting = async {
        until_asked(&world, asked + 1).await;
        world.connect("ann", ANN).await
    };
    let (lease, again) = tokio::join!(world.lease(&id, Some(version)), consenting);
    assert_eq!(again, id);
    assert_eq!(lease.status, 200, "{}", lease.body);
    assert_eq!(world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body["status"], "active");
    assert_eq!(world.event_types(&id).await, ["connector.connected.v1", "connector.connected.v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_shrank_asks_for_a_new_consent() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    // Somebody else of this client got the account's narrower grant: the refresh answers its scopes.
    let narrow = world.refresh_token(ANN, &["openid", "email"]).await;
    let sealed = Sealer::parse(&world.key).unwrap().seal(&postrider_domain::Secret::new(narrow));
    behind_the_roles(&world, &format!("UPDATE credentials SET refresh_sealed = '{sealed}'")).await;
    let version = stored(&world).await.version;
    assert_eq!(world.lease(&id, Some(version)).await.code(), "reauth_required");
    let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body;
    assert_eq!(shown["status_reason"], "scope_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_in_front_takes_over_with_the_next_refresh() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let new_key = Sealer::generate_key();
    let both = format!("{},{}", new_key.expose(), world.key.expose());
    let rotated = world.second(&[("ENCRYPTION_KEYS", &both)]).await;
    let token = world.token("sync-worker", "acme", "ann", "read");
    let version = stored(&world).await.version;
    for newer_than in [None, Some(version)] {
        let body = json!({"connector_id": id, "newer_than": newer_than});
        let lease = world.send(&rotated.base, &token, "POST", "/internal/token-leases", Some(body)).await;
        assert_eq!(lease.status, 200, "{}", lease.body);
    }
    let sealed = stored(&world).await.refresh_sealed.unwrap();
    assert!(Sealer::parse(&new_key).unwrap().open(&sealed).unwrap().by_newest);
    // With the new key alone it goes on; with a wrong one it fails without touching anything.
    let alone = world.second(&[("ENCRYPTION_KEYS", new_key.expose())]).await;
    let body = json!({"connector_id": id});
    let lease = world.send(&alone.base, &token, "POST", "/internal/token-leases", Some(body.clone())).await;
    assert_eq!(lease.status, 200);
    let wrong = world.second(&[("ENCRYPTION_KEYS", Sealer::generate_key().expose())]).await;
    let lease = world.send(&wrong.base, &token, "POST", "/internal/token-leases", Some(body)).await;
    assert_eq!(lease.status, 500);
    assert_eq!(stored(&world).await.refresh_sealed.unwrap(), sealed);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_sync_worker_gets_tokens() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    for caller in ["gateway", "notification"] {
        let token = world.token(caller, "acme", "ann", "read write admin tenant:admin");
        let body = json!({"connector_id": id});
        let answer = world.send(&world.replica.base, &token, "POST", "/internal/token-leases", Some(body)).await;
        assert_eq!(answer.status, 403, "{caller}");
    }
    // It may act for itself, without a tenant.
    let own = world.own_token("sync-worker");
    let body = json!({"connector_id": id});
    let answer = world.send(&world.replica.base, &own, "POST", "/internal/token-leases", Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = json!({"connector_id": "01a1fc6b-d117-7254-af8a-1c26f22369f8"});
    let answer = world.send(&world.replica.base, &own, "POST", "/internal/token-leases", Some(body)).await;
    assert_eq!(answer.status, 404);
    // And nobody without a user sees a connector.
    let answer = world.send(&world.replica.base, &own, "GET", &format!("/api/connectors/{id}"), None).await;
    assert_eq!(answer.status, 401);
}
