//! Codes that are spent before their account has a name.

use chrono::TimeDelta;
use postrider_connector::jobs::clean_states;
use postrider_gmail_sim::Rule;
use serde_json::json;

use crate::browser::Browser;
use crate::harness::{ANN, READONLY, World};

/// Without the `email` scope Gmail must say whose mailbox it is, and Google takes a code only once: while Gmail is away
/// the answer to the code waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_spent_code_goes_on_once_gmail_can_name_its_account() {
    let world = World::with(&[("GOOGLE_SCOPES", READONLY)]).await;
    let mut browser = Browser::default();
    let (url, state) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    let down = || Rule { method: Some("getProfile".into()), status: Some(503), ..Rule::default() };
    world.sim.sim().gate.add_rule(down());
    for _ in 0..2 {
        assert_eq!(browser.open(&world, &back).await.status, 503);
    }
    assert_eq!(world.asked("oauth.token"), 1);
    // It waits for the one who brought the code.
    let code = url::Url::parse(&back).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let brought = |state: Option<&str>| Some(json!({"auth_code": code, "state": state}));
    assert_eq!(world.call("ben", "POST", "/api/auth/google/gmail", brought(None)).await.code(), "auth_code_invalid");
    let again = world.call("ann", "POST", "/api/auth/google/gmail", brought(Some(&state))).await;
    assert_eq!((again.status, again.code()), (503, "google_unavailable"), "{}", again.text);
    world.sim.sim().gate.remove_rules(None);
    let answer = browser.open(&world, &back).await;
    assert_eq!((answer.status, &answer.body["email_address"]), (200, &json!(ANN)), "{}", answer.text);
    // Ben's try, and nobody else's, asked Google for the code once more.
    assert_eq!(world.asked("oauth.token"), 2);
    assert_eq!(world.call("ann", "POST", "/api/auth/google/gmail", brought(None)).await.code(), "auth_code_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_nobody_comes_back_for_is_forgotten() {
    let world = World::with(&[("GOOGLE_SCOPES", READONLY)]).await;
    let down = Rule { method: Some("getProfile".into()), status: Some(503), ..Rule::default() };
    world.sim.sim().gate.add_rule(down);
    let body = json!({"auth_code": world.code(ANN, &[READONLY])});
    assert_eq!(world.call("ann", "POST", "/api/auth/google/gmail", Some(body.clone())).await.status, 503);
    world.sim.sim().gate.remove_rules(None);
    assert_eq!(clean_states::turn(world.state()).await.unwrap(), 0);
    world.clock.advance(TimeDelta::minutes(11));
    assert_eq!(clean_states::turn(world.state()).await.unwrap(), 1);
    assert_eq!(world.call("ann", "POST", "/api/auth/google/gmail", Some(body)).await.code(), "auth_code_invalid");
}
