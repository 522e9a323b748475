//! The last one out gives the grant back; nobody before.

use std::time::Duration;

use postrider_connector::jobs::{end_grants, forget_accounts};
use postrider_contracts::connector::ConnectorDisconnected;
use postrider_gmail_sim::Rule;
use postrider_testing::eventually;
use serde_json::json;

use crate::harness::{ANN, BEN, PATIENCE, TOPIC, World};

async fn until_asked(world: &World, method: &str, times: u64) {
    eventually(&format!("{times} × {method}"), PATIENCE, || async { (world.asked(method) >= times).then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grant_is_revoked_when_the_last_connector_of_the_account_ends() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let one = world.connect("ann", ANN).await;
    let two = world.connect_as(("other", "cleo"), ANN).await;
    until_asked(&world, "watch", 1).await;
    let ended = world.call("ann", "DELETE", &format!("/api/connectors/{one}"), None).await;
    assert_eq!((ended.status, &ended.body["status"]), (200, &json!("disconnected")));
    assert_eq!(ended.body["watch"]["state"], "stopped");
    end_grants::turn(world.state()).await.unwrap();
    assert_eq!((world.asked("oauth.revoke"), world.asked("stop")), (0, 0));
    assert_eq!(world.lease(&one, None).await.code(), "connector_disconnected");
    let token = world.token("sync-worker", "other", "cleo", "read");
    let body = json!({"connector_id": two});
    let lease = world.send(&world.replica.base, &token, "POST", "/internal/token-leases", Some(body)).await;
    assert_eq!(lease.status, 200);

    let ended = world.call_as(("other", "cleo"), "DELETE", &format!("/api/connectors/{two}"), None).await;
    assert_eq!(ended.status, 200);
    until_asked(&world, "oauth.revoke", 1).await;
    assert_eq!(world.asked("stop"), 1);
    assert!(world.sim.world().watch_until(ANN).is_none());
    // Ended twice is ended once.
    assert_eq!(world.call("ann", "DELETE", &format!("/api/connectors/{one}"), None).await.status, 200);
    let types = world.event_types(&one).await;
    assert_eq!(types.iter().filter(|name| *name == "connector.disconnected.v1").count(), 1, "{types:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_leave_at_once_revoke_once() {
    let world = World::new().await;
    let one = world.connect("ann", ANN).await;
    let two = world.connect("ben", ANN).await;
    let (path_one, path_two) = (format!("/api/connectors/{one}"), format!("/api/connectors/{two}"));
    let (a, b) =
        tokio::join!(world.call("ann", "DELETE", &path_one, None), world.call("ben", "DELETE", &path_two, None));
    assert_eq!((a.status, b.status), (200, 200));
    until_asked(&world, "oauth.revoke", 1).await;
    end_grants::turn(world.state()).await.unwrap();
    assert_eq!(world.asked("oauth.revoke"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_google_is_down_the_revoke_waits_and_a_new_consent_takes_it_back() {
    let world = World::new().await;
    let down = Rule { method: Some("oauth.revoke".into()), status: Some(503), ..Rule::default() };
    world.sim.sim().gate.add_rule(down);
    let id = world.connect("ann", ANN).await;
    world.call("ann", "DELETE", &format!("/api/connectors/{id}"), None).await;
    until_asked(&world, "oauth.revoke", 1).await;
    assert_eq!(world.connect("ann", ANN).await, id);
    world.sim.sim().gate.remove_rules(None);
    world.clock.advance(chrono::TimeDelta::hours(2));
    end_grants::turn(world.state()).await.unwrap();
    assert_eq!(world.asked("oauth.revoke"), 1);
    assert_eq!(world.lease(&id, None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn erase_is_told_with_the_end_or_later() {
    let world = World::new().await;
    let now = world.connect("ann", ANN).await;
    let erased = world.call("ann", "DELETE", &format!("/api/connectors/{now}?erase=true"), None).await;
    assert_eq!(erased.status, 202);
    let run = erased.body["run_id"].as_str().unwrap().to_owned();
    let again = world.call("ann", "DELETE", &format!("/api/connectors/{now}?erase=true"), None).await;
    assert_eq!((again.status, again.body["run_id"].as_str()), (202, Some(run.as_str())));

    let later = world.connect("ann", BEN).await;
    let path = format!("/api/connectors/{later}");
    assert_eq!(world.call("ann", "DELETE", &path, None).await.status, 200);
    assert_eq!(world.call("ann", "DELETE", &format!("{path}?erase=true"), None).await.status, 202);
    let ends: Vec<_> = world
        .events(&later)
        .await
        .iter()
        .filter_map(|event| event.decode::<ConnectorDisconnected>().ok()?.connector)
        .map(|state| (state.version, state.erase))
        .collect();
    assert_eq!(ends, [(2, false), (3, true)]);
    let changed = world.call("ann", "PATCH", &path, Some(json!({"display_name": "x"}))).await;
    assert_eq!((changed.status, changed.code()), (409, "connector_disconnected"));
    // Ended again without a wish to erase: the erasure stays what it is.
    assert_eq!(world.call("ann", "DELETE", &path, None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_connector_says_nothing_of_its_account_and_is_never_connected_again() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let path = format!("/api/connectors/{id}?erase=true");
    let run = world.call("ann", "DELETE", &path, None).await.body["run_id"].as_str().unwrap().to_owned();
    let end = world.events(&id).await.pop().unwrap().decode::<ConnectorDisconnected>().unwrap().connector.unwrap();
    assert_eq!((end.erase, end.erase_run_id.as_str()), (true, run.as_str()));
    assert_eq!((end.email_address.as_str(), end.google_sub.as_str()), ("", ""));

    let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await;
    assert_eq!((shown.status, &shown.body["erase_run_id"]), (200, &json!(run)));
    let sub = world.account(ANN).sub;
    assert!(
        !shown.text.contains("ann@") && !shown.text.contains("Ann@") && !shown.text.contains(&sub),
        "{}",
        shown.text
    );

    let again = world.connect("ann", ANN).await;
    assert_ne!(again, id);
    assert_eq!(world.call("ann", "GET", &format!("/api/connectors/{again}"), None).await.body["status"], "active");
    assert_eq!(world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body["status"], "disconnected");
}

/// What the control tables know of accounts.
async fn accounts(world: &World) -> Vec<String> {
    let conn = world.db.admin().await;
    let text =
        "SELECT sub || ' ' || email_address || ' ' || address_key AS value FROM connector.google_accounts ORDER BY id";
    let rows = postrider_storage::Statement::dynamic(text.to_owned())
        .load::<postrider_storage::Value<String>>(&conn)
        .await
        .unwrap();
    rows.into_iter().map(|row| row.0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_forgotten_once_all_its_connectors_were_erased_and_its_grant_was_given_back() {
    let world = World::new().await;
    let down = Rule { method: Some("oauth.revoke".into()), status: Some(503), ..Rule::default() };
    world.sim.sim().gate.add_rule(down);
    let one = world.connect("ann", ANN).await;
    let two = world.connect_as(("other", "cleo"), ANN).await;
    let erase = |who, id: String| {
        let world = &world;
        async move { world.call_as(who, "DELETE", &format!("/api/connectors/{id}?erase=true"), None).await.status }
    };
    assert_eq!(erase(("acme", "ann"), one).await, 202);
    assert_eq!(forget_accounts::turn(world.state()).await.unwrap(), 0, "somebody else has it");
    assert_eq!(erase(("other", "cleo"), two).await, 202);
    until_asked(&world, "oauth.revoke", 1).await;
    assert_eq!(forget_accounts::turn(world.state()).await.unwrap(), 0, "its grant is still to be given back");
    assert!(accounts(&world).await.concat().contains("ann@example.com"));

    world.sim.sim().gate.remove_rules(None);
    world.clock.advance(chrono::TimeDelta::hours(2));
    eventually("the account to be forgotten", PATIENCE, || async {
        end_grants::turn(world.state()).await.unwrap();
        forget_accounts::turn(world.state()).await.unwrap();
        accounts(&world).await.iter().all(|row| row.starts_with("erased:") && !row.contains('@')).then_some(())
    })
    .await;
    // Connected once more it is an account like any other.
    let anew = world.connect("ann", ANN).await;
    assert_eq!(world.lease(&anew, None).await.status, 200);
    assert_eq!(forget_accounts::turn(world.state()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_before_the_revoke_leaves_it_to_the_next() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let slow =
        Rule { method: Some("oauth.revoke".into()), latency_ms: Some(60_000), count: Some(1), ..Rule::default() };
    world.sim.sim().gate.add_rule(slow);
    world.call("ann", "DELETE", &format!("/api/connectors/{id}"), None).await;
    until_asked(&world, "oauth.revoke", 1).await;
    world.replica.cx.shutdown.stop_hard();
    // The claim of the dead process ends on database time.
    let conn = world.db.admin().await;
    postrider_storage::Statement::dynamic("UPDATE connector.grant_endings SET claimed_until = NULL".to_owned())
        .execute(&conn)
        .await
        .unwrap();
    let _next = world.second(&[]).await;
    tokio::time::timeout(Duration::from_secs(30), until_asked(&world, "oauth.revoke", 2)).await.unwrap();
}
