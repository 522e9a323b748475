//! A Desktop client beside the Web client: its codes end at a loopback address, and its grants are refreshed by it alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use postrider_connector::jobs::end_grants;
use postrider_domain::token;
use postrider_gmail_sim::oauth::{Authorize, DesktopClient};
use postrider_storage::inspect::Inspection;
use postrider_testing::until;
use serde_json::{Value, json};

use crate::harness::{ANN, Answer, BEN, READONLY, World};

const DESKTOP: &str = "desktop.apps.googleusercontent.com";
const LOOPBACK: &str = "http://127.0.0.1:40123/";
const VERIFIER: &str = "verifier-verifier-verifier-verifier-verifier-1";
const SETTINGS: [(&str, &str); 2] = [("GOOGLE_DESKTOP_CLIENT_ID", DESKTOP), ("GOOGLE_DESKTOP_CLIENT_SECRET", "s")];

async fn world() -> World {
    let world = World::with(&SETTINGS).await;
    let desktop = DesktopClient { client_id: DESKTOP.to_owned(), client_secret: "s".to_owned() };
    world.sim.sim().oauth.configure(|config| config.desktop = Some(desktop));
    world
}

/// A code of a consent that ended on somebody's machine.
fn code(world: &World, address: &str) -> String {
    let request = Authorize {
        client_id: DESKTOP.to_owned(),
        redirect_uri: LOOPBACK.to_owned(),
        scopes: ["openid", "email", READONLY].map(str::to_owned).to_vec(),
        challenge: Some(URL_SAFE_NO_PAD.encode(token::hash(VERIFIER))),
        nonce: None,
        offline: true,
        consent: true,
    };
    world.sim.sim().oauth.authorize(&world.account(address), request, world.sim.world().now())
}

async fn bring(world: &World, code: String) -> Answer {
    let body = json!({"auth_code": code, "code_verifier": VERIFIER, "redirect_uri": LOOPBACK});
    world.call("ann", "POST", "/api/auth/google/gmail", Some(body)).await
}

/// The client that an address's account belongs to.
async fn client_of(world: &World, address: &str) -> String {
    let admin = Inspection::open(&world.db.admin_url, None).await.unwrap();
    let query = format!(
        "SELECT g.client_id FROM connector.connectors c JOIN connector.google_accounts a ON a.id = c.account_id \
         JOIN connector.google_apps g ON g.id = a.app_id WHERE c.email_address = '{address}'"
    );
    admin.row(&query).await.unwrap().remove(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_from_a_loopback_address_connects_and_is_refreshed_by_its_own_client() {
    let world = world().await;
    let web = world.connect("ann", BEN).await;
    let answer = bring(&world, code(&world, ANN)).await;
    assert_eq!((answer.status, &answer.body["email_address"]), (200, &json!(ANN)), "{}", answer.text);
    let id = answer.body["connector_id"].as_str().unwrap().to_owned();
    assert_eq!((client_of(&world, ANN).await, client_of(&world, BEN).await != DESKTOP), (DESKTOP.to_owned(), true));
    // Both are refreshed, each by its own: Google refuses any other.
    world.clock.advance(TimeDelta::hours(2));
    for connector in [&id, &web] {
        let renewed = world.lease(connector, None).await;
        assert_eq!(renewed.status, 200, "{}", renewed.text);
    }
    // Without the Desktop client its accounts must consent anew, and no others.
    let bare = world.second(&[("GOOGLE_DESKTOP_CLIENT_ID", "")]).await;
    world.clock.advance(TimeDelta::hours(2));
    let token = world.token("sync-worker", "acme", "ann", "read");
    let lease = async |id: &str| {
        let body = Some(json!({"connector_id": id, "newer_than": Value::Null}));
        world.send(&bare.base, &token, "POST", "/internal/token-leases", body).await
    };
    assert_eq!((lease(&web).await.status, lease(&id).await.code()), (200, "reauth_required"));
    let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body;
    assert_eq!(shown["status_reason"], "client_changed");
    // The same account by the other client: the same connector.
    assert_eq!(world.connect("ann", ANN).await, id);
    assert_ne!(client_of(&world, ANN).await, DESKTOP);
    assert_eq!(world.lease(&id, None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loopback_address_needs_the_client_and_the_verifier() {
    let world = world().await;
    let without = json!({"auth_code": code(&world, ANN), "redirect_uri": LOOPBACK});
    let refused = world.call("ann", "POST", "/api/auth/google/gmail", Some(without)).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["code_verifier"]), "{}", refused.text);
    for elsewhere in ["http://127.0.0.1/", "https://127.0.0.1:1/", "http://evil.example:1/", "http://localhost:1/x"] {
        let body = json!({"auth_code": "x", "code_verifier": VERIFIER, "redirect_uri": elsewhere});
        let refused = world.call("ann", "POST", "/api/auth/google/gmail", Some(body)).await;
        assert_eq!((refused.status, refused.fields()), (422, vec!["redirect_uri"]), "{elsewhere}");
    }
    let bare = World::new().await;
    let refused = bring(&bare, "x".to_owned()).await;
    assert_eq!((refused.status, refused.fields()), (422, vec!["redirect_uri"]));
    let errors = bare.load(&[("GOOGLE_DESKTOP_CLIENT_ID", DESKTOP)]).unwrap_err().to_string();
    assert!(errors.contains("GOOGLE_DESKTOP_CLIENT_SECRET"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_grant_is_given_back_when_its_last_connector_ends() {
    let world = world().await;
    let id = bring(&world, code(&world, ANN)).await.body["connector_id"].as_str().unwrap().to_owned();
    assert!(world.call("ann", "DELETE", &format!("/api/connectors/{id}"), None).await.status < 300);
    until("Google is asked to revoke it", async || {
        end_grants::turn(world.state()).await.unwrap();
        world.asked("oauth.revoke") == 1
    })
    .await;
}

/// A bare refresh token of the Web client for an account of the Desktop client: it must not end in that one's hands.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_to_the_account_of_its_own_client() {
    let world = world().await;
    let id = bring(&world, code(&world, ANN)).await.body["connector_id"].as_str().unwrap().to_owned();
    let refresh = world.refresh_token(ANN, &["openid", "email", READONLY]).await;
    let body = json!({"type": "email", "provider": "gmail", "refresh_token": refresh});
    let again = world.call("ann", "POST", "/api/connectors", Some(body)).await;
    assert_eq!((again.status, &again.body["id"]), (200, &json!(id)), "{}", again.text);
    assert_ne!(client_of(&world, ANN).await, DESKTOP);
    world.clock.advance(TimeDelta::hours(2));
    let renewed = world.lease(&id, None).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_accounts_get_a_topic_that_comes_later() {
    let world = world().await;
    let id = bring(&world, code(&world, ANN)).await.body["connector_id"].as_str().unwrap().to_owned();
    let topic = [SETTINGS.as_slice(), &[("GMAIL_PUBSUB_TOPIC", crate::harness::TOPIC)]].concat();
    let with_topic = world.second(&topic).await;
    postrider_testing::eventually("a push watch", crate::harness::PATIENCE, || async {
        postrider_connector::jobs::keep_watches::turn(&with_topic.state).await.unwrap();
        let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body["watch"].clone();
        (shown["watch_type"] == "push").then_some(())
    })
    .await;
}
