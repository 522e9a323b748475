//! What a connect link opens: its page, its button, and the consent behind it.

use chrono::TimeDelta;
use postrider_connector::jobs::{end_grants, forget_accounts};
use postrider_gmail_sim::oauth::Death;
use postrider_storage::{Statement, Value as One};
use postrider_testing::eventually;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::json;

use crate::browser::Browser;
use crate::harness::{ANN, Answer, BEN, PATIENCE, World};
use crate::http_connect_links::{make, make_as_admin};

/// The path of a link that was just made.
pub fn path(made: &Answer) -> String {
    assert_eq!(made.status, 201, "{}", made.text);
    made.body["url"].as_str().unwrap().strip_prefix("https://post.example").unwrap().to_owned()
}

/// Opens the link and presses its button; answers where Google is.
pub async fn press(world: &World, browser: &mut Browser, path: &str) -> String {
    let page = browser.open(world, path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let pressed = browser.press(world, path, &page).await;
    assert_eq!(pressed.status, 303, "{}", pressed.text);
    pressed.header("location").to_owned()
}

/// As another account than the one Google is told to offer.
pub fn as_somebody_else(url: &str) -> String {
    let mut url = url::Url::parse(url).unwrap();
    let kept: Vec<_> = url
        .query_pairs()
        .filter(|(name, _)| name != "login_hint")
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    url.into()
}

async fn count(world: &World, text: &str) -> i64 {
    let conn = world.db.admin().await;
    Statement::dynamic(text.to_owned()).get_result::<One<i64>>(&conn).await.unwrap().0
}

async fn lose_the_grant(world: &World, id: &str) {
    let version = world.lease(id, None).await.body["token_version"].as_i64();
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    assert_eq!(world.lease(id, version).await.code(), "reauth_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_account_is_connected_again_by_a_link_and_the_token_is_spent_by_that() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    lose_the_grant(&world, &id).await;
    let link = path(&make(&world, "ann", json!({"connector_id": id, "return_to": "/done"})).await);
    let mut browser = Browser::default();
    // Whatever looks into mails opens it too: nothing happens.
    for _ in 0..3 {
        let page = Browser::default().open(&world, &link).await;
        assert_eq!((page.status, page.header("referrer-policy")), (200, "no-referrer"));
        assert_eq!(page.header("cache-control"), "no-store");
        for told in ["Ann@example.com", "user <b>ann</b> of <b>acme</b>", "https://post.example"] {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        assert!(!page.text.contains(link.trim_start_matches("/connect/")), "the token stands in the page");
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    }
    let google = press(&world, &mut browser, &link).await;
    assert!(google.contains("login_hint=Ann%40example.com"), "{google}");
    // The button may be pressed twice; only one consent spends the link.
    let again = press(&world, &mut browser.clone(), &link).await;
    let back = browser.consent(&world, &google, ANN).await;
    let done = browser.open(&world, &back).await;
    assert_eq!(done.header("location"), format!("https://post.example/done?status=connected&connector_id={id}"));
    assert_eq!(world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body["status"], "active");
    assert_eq!(world.lease(&id, None).await.status, 200);
    let spent = browser.open(&world, &link).await;
    assert_eq!(spent.status, 404);
    assert!(spent.text.contains("link_invalid"), "{}", spent.text);
    let (asked, back) = (world.asked("oauth.revoke"), browser.consent(&world, &again, ANN).await);
    let late = browser.open(&world, &back).await;
    assert!(late.status == 404 || late.status == 303, "{} {}", late.status, late.text);
    assert!(late.text.contains("link_invalid"), "{}", late.text);
    // The account is the connector's own: its grant is not given back.
    assert_eq!((end_grants::turn(world.state()).await.unwrap(), world.asked("oauth.revoke")), (0, asked));
    let list = world.call("ann", "GET", "/api/v1/connect-links", None).await.body;
    assert_eq!((&list["data"][0]["state"], list["data"][0]["used_at"].is_string()), (&json!("used"), true));
    assert_eq!(world.call("ann", "GET", "/api/connectors", None).await.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_is_refused_and_its_grant_given_back_and_the_link_stays_good() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let link = path(&make(&world, "ann", json!({"connector_id": id})).await);
    let mut browser = Browser::default();
    let google = as_somebody_else(&press(&world, &mut browser, &link).await);
    let back = browser.consent(&world, &google, BEN).await;
    let refused = browser.open(&world, &back).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("account_mismatch") && !refused.text.contains(BEN), "{}", refused.text);
    assert_eq!(world.call("ann", "GET", "/api/connectors", None).await.body["data"].as_array().unwrap().len(), 1);
    eventually("the revoke", PATIENCE, || async { (world.asked("oauth.revoke") == 1).then_some(()) }).await;
    eventually("its end", PATIENCE, || async {
        (count(&world, "SELECT count(*) AS value FROM connector.grant_endings").await == 0).then_some(())
    })
    .await;
    // Nothing of the stranger stays.
    forget_accounts::turn(world.state()).await.unwrap();
    let strangers = "SELECT count(*) AS value FROM connector.google_accounts WHERE address_key = 'ben@example.com'";
    assert_eq!(count(&world, strangers).await, 0);
    assert_eq!(forget_accounts::turn(world.state()).await.unwrap(), 0);
    let google = press(&world, &mut browser, &link).await;
    let back = browser.consent(&world, &google, ANN).await;
    let done = browser.open(&world, &back).await;
    assert_eq!((done.status, &done.body["connector_id"]), (200, &json!(id)), "{}", done.text);
}

/// Google's revoke acts on the whole account: what somebody else connected goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_account_that_somebody_else_has_connected_keeps_its_grant() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let theirs = world.connect_as(("other", "ben"), BEN).await;
    let link = path(&make(&world, "ann", json!({"connector_id": id})).await);
    let mut browser = Browser::default();
    let google = as_somebody_else(&press(&world, &mut browser, &link).await);
    let back = browser.consent(&world, &google, BEN).await;
    assert_eq!(browser.open(&world, &back).await.status, 422);
    assert_eq!(end_grants::turn(world.state()).await.unwrap(), 0);
    assert_eq!(world.asked("oauth.revoke"), 0);
    let token = world.token("sync-worker", "other", "ben", "read");
    let body = json!({"connector_id": theirs, "newer_than": 1_000});
    let lease = world.send(&world.replica.base, &token, "POST", "/internal/token-leases", Some(body.clone())).await;
    assert_ne!(lease.code(), "reauth_required", "{}", lease.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_link_connects_the_account_it_names_and_no_other() {
    let world = World::new().await;
    let link = path(&make_as_admin(&world, json!({"email": "BEN@example.com", "user_id": "new"})).await);
    let mut browser = Browser::default();
    let page = browser.open(&world, &link).await;
    for told in ["BEN@example.com", "<th>Who asks<td>user <b>root</b>", "<th>For<td>user <b>new</b> of <b>acme</b>"] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    let google = as_somebody_else(&press(&world, &mut browser, &link).await);
    let back = browser.consent(&world, &google, ANN).await;
    assert!(browser.open(&world, &back).await.text.contains("account_mismatch"));
    let google = press(&world, &mut browser, &link).await;
    let back = browser.consent(&world, &google, BEN).await;
    assert_eq!(browser.open(&world, &back).await.body["email_address"], BEN);
    let list = world.call("new", "GET", "/api/connectors", None).await.body;
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["email_address"]), (1, &json!(BEN)));
    assert!(world.call("root", "GET", "/api/connectors", None).await.body["data"].as_array().unwrap().is_empty());
    // Both see what became of it.
    for user in ["new", "root"] {
        let list = world.call(user, "GET", "/api/v1/connect-links", None).await.body;
        assert_eq!(list["data"][0]["state"], "used", "{user}");
    }
}

/// A page elsewhere can send a browser here, and even send a form: it must not begin a consent.
#[tokio::test(flavor = "multi_thread")]
async fn the_button_works_on_the_links_own_page_only() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let link = path(&make(&world, "ann", json!({"connector_id": id})).await);
    let other = path(&make(&world, "ann", json!({"connector_id": id})).await);
    let mut browser = Browser::default();
    let page = browser.open(&world, &link).await;
    let cookie = page.headers.get(SET_COOKIE).unwrap().to_str().unwrap().to_owned();
    for part in ["postrider_link_", "HttpOnly", "SameSite=Strict", "Secure", "Path=/connect"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(link.trim_start_matches("/connect/")));
    // Without the cookie, without the word, and with those of another link's page.
    assert_eq!(Browser::default().press(&world, &link, &page).await.status, 422);
    let bare =
        world.http.post(format!("{}{link}", world.replica.base)).header(COOKIE, cookie.split(';').next().unwrap());
    assert_eq!(Answer::of(bare.form(&[("word", "")]).send().await.unwrap()).await.status, 422);
    assert_eq!(browser.press(&world, &other, &page).await.status, 422);
    let raw = world.http.post(format!("{}{link}", world.replica.base)).body("{").send().await.unwrap();
    assert_eq!(raw.status(), 422);
    assert_eq!(count(&world, "SELECT count(*) AS value FROM connector.oauth_states").await, 0);
    for made_up in [
        "/connect/x",
        "/connect/%00",
        &format!("/connect/{}", "a".repeat(43)),
        &format!("/connect/{}", "a".repeat(5_000)),
    ] {
        let answer = Browser::default().open(&world, made_up).await;
        assert_eq!(answer.status, 404, "{made_up}: {}", answer.text);
        assert_eq!(browser.press(&world, made_up, &page).await.status, 404, "{made_up}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_ended_meanwhile_ends_the_consent_with_it() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let made = make(&world, "ann", json!({"connector_id": id, "expires_in": 60})).await;
    let (link, one) = (path(&made), format!("/api/v1/connect-links/{}", made.body["id"].as_str().unwrap()));
    let mut browser = Browser::default();
    let google = press(&world, &mut browser, &link).await;
    let back = browser.consent(&world, &google, ANN).await;
    let before = world.event_types(&id).await;
    assert_eq!(world.call("ann", "DELETE", &one, None).await.status, 204);
    assert_eq!(browser.open(&world, &back).await.status, 404);
    assert_eq!(world.event_types(&id).await, before);
    // One that was begun in time may end a little later.
    let made = make(&world, "ann", json!({"connector_id": id, "expires_in": 60})).await;
    let google = press(&world, &mut browser, &path(&made)).await;
    world.clock.advance(TimeDelta::minutes(2));
    assert_eq!(browser.open(&world, &path(&made)).await.status, 404);
    let back = browser.consent(&world, &google, ANN).await;
    assert_eq!(browser.open(&world, &back).await.body["connector_id"], json!(id));
    // An erasure takes every link to the account back.
    let made = make(&world, "ann", json!({"connector_id": id})).await;
    let for_ann = json!({"email": ANN, "user_id": "ann"});
    let by_address = make_as_admin(&world, for_ann).await;
    world.call("ann", "DELETE", &format!("/api/connectors/{id}?erase=true"), None).await;
    for made in [&made, &by_address] {
        assert_eq!(browser.open(&world, &path(made)).await.status, 404);
    }
    let known = "SELECT count(*) AS value FROM connector.connect_links WHERE address_key = 'ann@example.com'";
    assert_eq!(count(&world, known).await, 0);
}

/// Another browser than the one that pressed the button says yes first, as with any consent; the yes spends the link.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_ends_in_another_browser_is_confirmed_and_spends_the_link() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let link = path(&make(&world, "ann", json!({"connector_id": id})).await);
    let google = press(&world, &mut Browser::default(), &link).await;
    let mut other = Browser::default();
    let back = other.consent(&world, &google, ANN).await;
    let page = other.open(&world, &back).await;
    assert!(page.text.contains("begun in another browser"), "{}", page.text);
    assert_eq!(Browser::default().open(&world, &link).await.status, 200);
    assert_eq!(other.answer(&world, &page, "yes").await.body["connector_id"], json!(id));
    assert_eq!(Browser::default().open(&world, &link).await.status, 404);
    // The state of a link's consent is no state of the user's own.
    let link = path(&make(&world, "ann", json!({"connector_id": id})).await);
    let google = press(&world, &mut Browser::default(), &link).await;
    let state =
        url::Url::parse(&google).unwrap().query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let body = json!({"auth_code": "x", "state": state});
    assert_eq!(world.call("ann", "POST", "/api/auth/google/gmail", Some(body)).await.code(), "state_invalid");
}
