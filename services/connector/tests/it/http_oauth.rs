//! Consents, by following the pages.

use chrono::TimeDelta;
use postrider_domain::Clock;
use postrider_gmail_sim::Rule;
use serde_json::json;

use crate::browser::Browser;
use crate::harness::{ANN, BEN, READONLY, World};

async fn connectors(world: &World, user: &str) -> usize {
    world.call(user, "GET", "/api/connectors", None).await.body["data"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_that_began_connects_at_once() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (url, state) = browser.begin(&world, "ann", None).await;
    assert!(url.contains("code_challenge_method=S256") && url.contains("access_type=offline"), "{url}");
    assert!(url.contains("prompt=consent") && url.contains(&state));
    let back = browser.consent(&world, &url, ANN).await;
    let answer = browser.open(&world, &back).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("connected")), "{}", answer.text);
    assert_eq!(answer.body["email_address"], ANN);
    let id = answer.body["connector_id"].as_str().unwrap();
    let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await;
    assert_eq!(shown.body["status"], "active");
    assert_eq!(shown.body["has_credentials"], true);
    assert_eq!(shown.body["config"]["google_sub"], world.account(ANN).sub);
    assert_eq!(shown.body["granted_scopes"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_goes_back_to_where_it_came_from() {
    let world = World::with(&[("OAUTH_RETURN_ORIGINS", "https://front.example")]).await;
    let mut browser = Browser::default();
    for (to, start) in
        [("/done?x=1", "https://post.example/done?x=1&"), ("https://front.example/a", "https://front.example/a?")]
    {
        let (url, _) = browser.begin(&world, "ann", Some(to)).await;
        let back = browser.consent(&world, &url, ANN).await;
        let answer = browser.open(&world, &back).await;
        assert_eq!(answer.status, 303);
        assert!(answer.header("location").starts_with(&format!("{start}status=connected&connector_id=")));
    }
    for evil in ["https://evil.example/", "//evil.example/", "/\\evil.example", "https://front.example.evil.example/"] {
        let path = format!("/gmail/auth/url?return_to={}", crate::browser::encode(evil));
        let answer = world.call("ann", "GET", &path, None).await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["return_to"]), "{evil}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_works_once_and_for_ten_minutes() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    assert_eq!(browser.open(&world, &back).await.status, 200);
    let again = browser.open(&world, &back).await;
    assert_eq!(again.status, 422);
    assert!(again.text.contains("state_invalid") && again.header("content-type").starts_with("text/html"));

    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, BEN).await;
    world.clock.advance(TimeDelta::minutes(11));
    assert_eq!(browser.open(&world, &back).await.status, 422);
    for made_up in ["/gmail/auth/callback?code=x&state=nonsense", "/gmail/auth/callback?code=x", "/gmail/auth/callback"]
    {
        assert_eq!(browser.open(&world, made_up).await.status, 422, "{made_up}");
    }
    assert_eq!(connectors(&world, "ann").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_callbacks_with_one_state_connect_once() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let (one, two) = tokio::join!(one.open(&world, &back), two.open(&world, &back));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_browser_is_asked_first_and_its_yes_counts_once() {
    let world = World::new().await;
    let mut lurer = Browser::default();
    let (url, _) = lurer.begin(&world, "mallory", Some("/done")).await;
    let begun = world.clock.now().format("%Y-%m-%d %H:%M UTC").to_string();
    world.clock.advance(TimeDelta::minutes(3));
    let mut victim = Browser::default();
    let back = victim.consent(&world, &url, ANN).await;
    let page = victim.open(&world, &back).await;
    assert_eq!(page.status, 200);
    for told in ["Ann@example.com", "user <b>mallory</b> of <b>acme</b>", "begun in another browser", begun.as_str()] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    assert!(page.text.contains("<th>Leads back to<td>https://post.example"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(connectors(&world, "mallory").await, 0);
    // The one who began cannot finish it: the state is used, the page's token is not his.
    assert_eq!(lurer.open(&world, &back).await.status, 422);
    let yes = victim.answer(&world, &page, "yes").await;
    assert_eq!(yes.status, 303);
    assert_eq!(victim.answer(&world, &page, "yes").await.status, 422);
    assert_eq!(connectors(&world, "mallory").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_on_the_confirm_page_connects_nothing() {
    let world = World::new().await;
    let (url, _) = Browser::default().begin(&world, "mallory", Some("/done")).await;
    let mut victim = Browser::default();
    let back = victim.consent(&world, &url, ANN).await;
    let page = victim.open(&world, &back).await;
    let no = victim.answer(&world, &page, "no").await;
    assert_eq!((no.status, no.header("location")), (303, "https://post.example/done?error=access_denied"));
    assert_eq!(victim.answer(&world, &page, "yes").await.status, 422);
    assert_eq!(connectors(&world, "mallory").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_confirm_skips_the_page() {
    let world = World::with(&[("OAUTH_AUTO_CONFIRM", "true")]).await;
    let (url, _) = Browser::default().begin(&world, "ann", None).await;
    let back = Browser::default().consent(&world, &url, ANN).await;
    assert_eq!(Browser::default().open(&world, &back).await.body["status"], "connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_confirm_page_names_the_origin_it_leads_back_to() {
    let world = World::with(&[("OAUTH_RETURN_ORIGINS", "https://front.example")]).await;
    let (url, _) = Browser::default().begin(&world, "mallory", Some("https://front.example/a?b=c")).await;
    let mut victim = Browser::default();
    let back = victim.consent(&world, &url, ANN).await;
    let page = victim.open(&world, &back).await;
    assert!(page.text.contains("<th>Leads back to<td>https://front.example</table>"), "{}", page.text);
}

/// Only a stand-in may connect without asking: with Google itself a link would be enough to take a stranger's mailbox.
#[tokio::test(flavor = "multi_thread")]
async fn auto_confirm_with_googles_own_endpoints_does_not_start() {
    let world = World::with(&[("OAUTH_AUTO_CONFIRM", "true")]).await;
    let start = |auth: &str, token: &str, confirm: &str| {
        let own = [("GOOGLE_AUTH_URL", auth), ("GOOGLE_TOKEN_URL", token), ("OAUTH_AUTO_CONFIRM", confirm)];
        world.load(&own).map(drop).map_err(|error| error.to_string())
    };
    let (sim_auth, sim_token) = ("http://127.0.0.1:8090/o/oauth2/v2/auth", "http://127.0.0.1:8090/token");
    let (auth, token) = ("https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token");
    for (auth, token) in
        [(auth, token), (auth, sim_token), (sim_auth, token), ("https://Accounts.Google.com./", sim_token)]
    {
        let refused = start(auth, token, "true").unwrap_err();
        assert!(refused.contains("OAUTH_AUTO_CONFIRM") && refused.contains("take it away"), "{refused}");
        start(auth, token, "false").unwrap();
    }
    start(sim_auth, sim_token, "true").unwrap();
    // A name that only looks like Google's is a stand-in too.
    start("https://accounts.google.com.example/", "https://notgoogle.com/token", "true").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_on_googles_page_goes_back_with_the_error() {
    let world = World::new().await;
    world.sim.sim().oauth.configure(|config| config.auto_consent = false);
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", Some("/done")).await;
    let back = browser.refuse(&world, &url).await;
    let answer = browser.open(&world, &back).await;
    assert_eq!((answer.status, answer.header("location")), (303, "https://post.example/done?error=access_denied"));
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.refuse(&world, &url).await;
    assert_eq!(browser.open(&world, &back).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unticked_box_is_named_and_connects_nothing() {
    let world = World::new().await;
    world.sim.sim().oauth.configure(|config| config.unticked = vec![READONLY.to_owned()]);
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    let page = browser.open(&world, &back).await;
    assert_eq!(page.status, 422);
    assert!(page.text.contains("scope_missing") && page.text.contains(READONLY), "{}", page.text);
    let code = world.code(ANN, &["openid", "email"]);
    let answer = world.call("ann", "POST", "/api/auth/google/gmail", Some(json!({"auth_code": code}))).await;
    assert_eq!((answer.status, answer.code()), (422, "scope_missing"));
    assert_eq!(answer.body["missing_scopes"], json!([READONLY]));
    assert_eq!(connectors(&world, "ann").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_belongs_to_the_user_it_was_made_for() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (url, state) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    let code = url::Url::parse(&back).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let body = json!({"auth_code": code, "state": state});
    let stranger = world.call("ben", "POST", "/api/auth/google/gmail", Some(body.clone())).await;
    assert_eq!((stranger.status, stranger.code()), (422, "state_invalid"));
    let elsewhere = world.call_as(("other", "ann"), "POST", "/api/auth/google/gmail", Some(body.clone())).await;
    assert_eq!((elsewhere.status, elsewhere.code()), (422, "state_invalid"));
    // The verifier of the state makes the code good for its own user, once.
    let own = world.call("ann", "POST", "/api/auth/google/gmail", Some(body.clone())).await;
    assert_eq!((own.status, &own.body["status"]), (200, &json!("connected")), "{}", own.body);
    assert_eq!(world.call("ann", "POST", "/api/auth/google/gmail", Some(body)).await.code(), "state_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_google_refuses_is_told() {
    let world = World::new().await;
    let answer = world.call("ann", "POST", "/api/auth/google/gmail", Some(json!({"auth_code": "4/0Anonsense"}))).await;
    assert_eq!((answer.status, answer.code(), answer.fields()), (422, "auth_code_invalid", vec!["auth_code"]));
    let body = json!({"auth_code": "4/0A", "redirect_uri": "https://evil.example/"});
    let answer = world.call("ann", "POST", "/api/auth/google/gmail", Some(body)).await;
    assert_eq!((answer.status, answer.fields()), (422, vec!["redirect_uri"]));
    // A code of a redirect to our page, brought as one of a pop-up: the caller's mistake, not the installation's.
    let body = json!({"auth_code": world.code(ANN, &["openid", "email", READONLY]), "redirect_uri": "postmessage"});
    let answer = world.call("ann", "POST", "/api/auth/google/gmail", Some(body)).await;
    assert_eq!((answer.status, answer.code(), answer.fields()), (422, "auth_code_invalid", vec!["auth_code"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_google_is_down_the_same_address_may_be_tried_again() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    let rule = Rule { method: Some("oauth.token".into()), status: Some(503), count: Some(1), ..Rule::default() };
    world.sim.sim().gate.add_rule(rule);
    let down = browser.open(&world, &back).await;
    assert_eq!(down.status, 503);
    assert!(!down.header("retry-after").is_empty());
    assert_eq!(browser.open(&world, &back).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_oauth_client_everything_else_works() {
    let world = World::with(&[("GOOGLE_CLIENT_ID", ""), ("GOOGLE_CLIENT_SECRET", "")]).await;
    for (method, path, body) in [
        ("GET", "/gmail/auth/url", None),
        ("POST", "/api/auth/google/gmail", Some(json!({"auth_code": "x"}))),
        ("POST", "/api/connectors", Some(json!({"type": "email", "provider": "gmail", "refresh_token": "x"}))),
    ] {
        let answer = world.call("ann", method, path, body).await;
        assert_eq!((answer.status, answer.code()), (503, "google_not_configured"), "{path}");
    }
    assert_eq!(connectors(&world, "ann").await, 0);
    let info = world.http.get(format!("{}/api/system/info", world.replica.base)).send().await.unwrap();
    let info: serde_json::Value = info.json().await.unwrap();
    assert_eq!(info["features"], json!({"connecting": false, "push": false, "auto_confirm": false}));
    assert_eq!(info["app_public_url"], "https://post.example");
}
