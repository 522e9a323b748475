//! Consents as people really give them: fewer boxes, other words, other accounts, twice at once.

use postrider_connector::jobs::keep_watches;
use postrider_gmail_sim::Rule;
use postrider_storage::Statement;
use postrider_testing::eventually;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::harness::{ANN, Answer, BEN, PATIENCE, READONLY, TOPIC, World};

async fn shown(world: &World, id: &str) -> Value {
    world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body
}

async fn post(world: &World, scopes: &[&str]) -> Answer {
    let code = world.code(ANN, scopes);
    world.call("ann", "POST", "/api/auth/google/gmail", Some(json!({"auth_code": code}))).await
}

async fn behind_the_roles(world: &World, text: &str) {
    let conn = world.db.admin().await;
    Statement::dynamic("SET search_path = connector".to_owned()).execute(&conn).await.unwrap();
    Statement::dynamic(text.to_owned()).execute(&conn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_in_another_order_and_spelling_and_with_extras_are_enough() {
    let world = World::new().await;
    let email = "https://www.googleapis.com/auth/userinfo.email";
    for scopes in [
        vec![READONLY, email, "openid"],
        vec!["https://www.googleapis.com/auth/calendar.readonly", email, READONLY, "openid"],
        vec!["https://mail.google.com/", "openid", "email"],
    ] {
        let answer = post(&world, &scopes).await;
        assert_eq!(answer.status, 200, "{scopes:?}: {}", answer.text);
        let now = shown(&world, answer.body["connector_id"].as_str().unwrap()).await;
        assert_eq!((&now["status"], &now["email_address"]), (&json!("active"), &json!(ANN)), "{scopes:?}");
        assert_eq!(now["granted_scopes"].as_array().unwrap().len(), scopes.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_consent_without_the_mailbox_leaves_the_good_one_alone() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let before = world.lease(&id, None).await.body;
    let mut browser = Browser::default();
    world.sim.sim().oauth.configure(|config| config.unticked = vec![READONLY.to_owned()]);
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    let page = browser.open(&world, &back).await;
    assert_eq!((page.status, page.text.contains("scope_missing")), (422, true), "{}", page.text);
    assert_eq!(post(&world, &["openid", "email"]).await.code(), "scope_missing");
    assert_eq!(shown(&world, &id).await["status"], "active");
    assert_eq!(world.lease(&id, None).await.body, before);
    // And its refresh token still renews.
    let renewed = world.lease(&id, before["token_version"].as_i64()).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    assert_eq!(world.event_types(&id).await, ["connector.connected.v1"]);
}

/// Identity is Google's `sub`; an address is what the account is called today.
#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_account_keeps_its_connector_and_a_recreated_one_gets_its_own() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    for table in ["connectors", "google_accounts"] {
        let text =
            format!("UPDATE {table} SET email_address = 'Maiden@example.com', address_key = 'maiden@example.com'");
        behind_the_roles(&world, &text).await;
    }
    assert_eq!(world.connect("ann", ANN).await, id);
    assert_eq!(shown(&world, &id).await["email_address"], ANN);
    // The address was given to a new account.
    for (table, column) in [("connectors", "google_sub"), ("google_accounts", "sub")] {
        behind_the_roles(&world, &format!("UPDATE {table} SET {column} = 'gone'")).await;
    }
    let new = world.connect("ann", ANN).await;
    assert_ne!(new, id);
    assert_eq!(shown(&world, &id).await["config"]["google_sub"], "gone");
    // A consent with another account than before is another connector, and the first one is untouched.
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, BEN).await;
    let other = browser.open(&world, &back).await.body["connector_id"].as_str().unwrap().to_owned();
    assert!(other != new && other != id);
    assert_eq!(world.event_types(&new).await, ["connector.connected.v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_that_connect_one_account_at_once_cost_one_watch() {
    let world = World::with(&[("GMAIL_PUBSUB_TOPIC", TOPIC)]).await;
    let slow = Rule { method: Some("watch".into()), latency_ms: Some(300), ..Rule::default() };
    world.sim.sim().gate.add_rule(slow);
    let other = world.second(&[]).await;
    let (one, two) = tokio::join!(world.connect("ann", ANN), world.connect_as(("other", "cleo"), ANN));
    for (who, id) in [(("acme", "ann"), &one), (("other", "cleo"), &two)] {
        eventually("an active watch", PATIENCE, || async {
            let (here, there) = tokio::join!(keep_watches::turn(world.state()), keep_watches::turn(&other.state));
            here.and(there).unwrap();
            let shown = world.call_as(who, "GET", &format!("/api/connectors/{id}"), None).await.body;
            (shown["watch"]["state"] == "active").then_some(())
        })
        .await;
    }
    assert_eq!((world.asked("watch"), world.asked("stop")), (1, 0));
    // Both replicas find it due for renewal at the same moment.
    world.clock.advance(chrono::TimeDelta::hours(25));
    let (here, there) = tokio::join!(keep_watches::turn(world.state()), keep_watches::turn(&other.state));
    here.and(there).unwrap();
    eventually("the renewal", PATIENCE, || async {
        let types = world.event_types(&one).await;
        types.contains(&"watch.renewed.v1".to_owned()).then_some(())
    })
    .await;
    assert_eq!((world.asked("watch"), world.asked("stop")), (2, 0));
}
