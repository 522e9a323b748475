//! The account of `GMAIL_REFRESH_TOKEN`.

use postrider_connector::config::Bootstrap;
use postrider_connector::jobs::bootstrap;
use postrider_domain::{Secret, TenantId, UserId};
use postrider_gmail_sim::oauth::Death;
use postrider_testing::eventually;

use crate::harness::{ANN, PATIENCE, READONLY, World};

fn account(token: &str) -> Bootstrap {
    Bootstrap {
        refresh_token: Secret::new(token),
        tenant: TenantId::parse("acme").unwrap(),
        user: UserId::parse("ann").unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_connects_the_account_once() {
    let world = World::new().await;
    let token = world.refresh_token(ANN, &[READONLY]).await;
    let started = [("GMAIL_REFRESH_TOKEN", token.as_str()), ("BOOTSTRAP_TENANT", "acme"), ("BOOTSTRAP_USER", "ann")];
    let _replica = world.second(&started).await;
    let id = eventually("the connector", PATIENCE, || async {
        let list = world.call("ann", "GET", "/api/connectors", None).await.body;
        list["data"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body;
    assert_eq!(
        (shown["config"]["google_sub"].as_str(), shown["status"].as_str()),
        (Some("email:ann@example.com"), Some("active"))
    );
    // The next start, also after a consent that named the account, finds it.
    bootstrap::once(world.state(), &account(&token)).await.unwrap();
    assert_eq!(world.connect("ann", ANN).await, id);
    bootstrap::once(world.state(), &account(&token)).await.unwrap();
    assert_eq!(world.event_types(&id).await, ["connector.connected.v1", "connector.connected.v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_revives_what_needs_a_token_and_not_what_was_ended() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let path = format!("/api/connectors/{id}");
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    let version = world.lease(&id, None).await.body["token_version"].as_i64();
    assert_eq!(world.lease(&id, version).await.code(), "reauth_required");
    let token = world.refresh_token(ANN, &[READONLY]).await;
    bootstrap::once(world.state(), &account(&token)).await.unwrap();
    let shown = world.call("ann", "GET", &path, None).await.body;
    assert_eq!(shown["status"], "active");
    assert_eq!(shown["config"]["google_sub"], world.account(ANN).sub);
    world.call("ann", "DELETE", &path, None).await;
    let token = world.refresh_token(ANN, &[READONLY]).await;
    // The revoke of the end may kill this token too; either way nothing comes back to life.
    let _refused = bootstrap::once(world.state(), &account(&token)).await;
    assert_eq!(world.call("ann", "GET", &path, None).await.body["status"], "disconnected");
}

/// An erased connector keeps nothing of its account, so only the token itself tells that it was used: a restart with the
/// same environment brings nothing back.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_brings_no_erased_account_back() {
    let world = World::new().await;
    // Somebody else lives by the same grant, so it is not given back to Google and the token stays good.
    world.connect_as(("other", "cleo"), ANN).await;
    let token = world.refresh_token(ANN, &[READONLY]).await;
    bootstrap::once(world.state(), &account(&token)).await.unwrap();
    let list =
        async || world.call("ann", "GET", "/api/connectors", None).await.body["data"].as_array().unwrap().clone();
    let id = list().await[0]["id"].as_str().unwrap().to_owned();
    let erased = world.call("ann", "DELETE", &format!("/api/connectors/{id}?erase=true"), None).await;
    assert_eq!(erased.status, 202, "{}", erased.text);
    for _ in 0..2 {
        bootstrap::once(world.state(), &account(&token)).await.unwrap();
    }
    let after = list().await;
    assert_eq!(
        (after.len(), after[0]["id"].as_str(), &after[0]["status"]),
        (1, Some(id.as_str()), &"disconnected".into())
    );
    // Another token is another decision of the operator's, and makes another connector.
    let other = world.refresh_token(ANN, &[READONLY]).await;
    bootstrap::once(world.state(), &account(&other)).await.unwrap();
    let after = list().await;
    assert_eq!((after.len(), &after[1]["status"]), (2, &"active".into()));
}

/// Tokens that were used before they were remembered are remembered at the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_account_that_was_connected_otherwise_is_remembered_too() {
    let world = World::new().await;
    world.connect_as(("other", "cleo"), ANN).await;
    let id = world.connect("ann", ANN).await;
    let token = world.refresh_token(ANN, &[READONLY]).await;
    bootstrap::once(world.state(), &account(&token)).await.unwrap();
    world.call("ann", "DELETE", &format!("/api/connectors/{id}?erase=true"), None).await;
    bootstrap::once(world.state(), &account(&token)).await.unwrap();
    let list = world.call("ann", "GET", "/api/connectors", None).await.body;
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
}
