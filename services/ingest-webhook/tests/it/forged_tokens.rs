//! Every kind of forgery, on every path: 401, and nothing is published.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use postrider_google_auth::oidc::PushRules;
use postrider_ingest_webhook::config::Config;
use serde_json::{Value, json};

use crate::harness::{GOOGLE, Intake, PATHS, Remembering, STRANGER, claims, push, token};

fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    GOOGLE.sign_as("k1", &claims)
}

fn unsigned() -> String {
    let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT", "kid": "k1"})), part(claims()))
}

/// Signed with the public key as an HMAC secret: works where the verifier lets the token choose the algorithm.
fn confused() -> String {
    let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::HS256) };
    encode(&header, &claims(), &EncodingKey::from_secret(&GOOGLE.public_bytes())).unwrap()
}

fn forgeries() -> Vec<(&'static str, Option<String>)> {
    let now = claims()["iat"].as_i64().unwrap();
    let mut changed = token();
    changed.pop();
    vec![
        ("no token", None),
        ("not a token", Some("nonsense".into())),
        ("alg none", Some(unsigned())),
        ("HS256 with the public key", Some(confused())),
        ("another audience", Some(with("aud", json!("https://mail.example.com/other")))),
        ("another issuer", Some(with("iss", json!("https://accounts.example.com")))),
        ("another service account", Some(with("email", json!("other@project.iam.gserviceaccount.com")))),
        ("an unverified e-mail", Some(with("email_verified", json!(false)))),
        ("expired", Some(with("exp", json!(now - 600)))),
        ("from the future", Some(with("iat", json!(now + 3_600)))),
        ("an unknown kid", Some(GOOGLE.sign_as("k2", &claims()))),
        ("a stranger's key under Google's kid", Some(STRANGER.sign_as("k1", &claims()))),
        ("a changed signature", Some(changed)),
    ]
}

#[tokio::test]
async fn forgeries_are_refused_and_publish_nothing() {
    let publisher = Arc::new(Remembering::default());
    let intake = Intake::over(publisher.clone()).await;
    for path in PATHS {
        for (name, token) in forgeries() {
            let answer = intake.push_to(path, token.as_deref(), push("m1", 7)).await;
            assert_eq!(answer.status(), 401, "{name} on {path}");
            assert!(answer.headers().contains_key("www-authenticate"), "{name}");
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["code"], "unauthorized", "{name}");
            assert_eq!(intake.prove(path, token.as_deref()).await, 401, "{name} on {path}");
        }
        assert_eq!(intake.prove(path, Some(&token())).await, 204, "{path}");
    }
    assert!(publisher.events().is_empty());
    assert_eq!(intake.push(Some(&token()), push("m1", 7)).await, 202);
    assert_eq!(publisher.events().len(), 1);
}

#[tokio::test]
async fn without_a_configured_account_even_a_genuine_push_is_refused() {
    let publisher = Arc::new(Remembering::default());
    let unset = |config: Config| Config { rules: PushRules { service_account: None, ..config.rules }, ..config };
    let intake = Intake::start(unset, Some(publisher.clone())).await;
    assert_eq!(intake.push(Some(&token()), push("m1", 7)).await, 401);
    assert_eq!(intake.prove(PATHS[0], Some(&token())).await, 401);
    assert!(publisher.events().is_empty());
}

#[tokio::test]
async fn unreachable_keys_make_the_sender_wait_and_stop_no_start() {
    let publisher = Arc::new(Remembering::default());
    let nowhere = |config: Config| Config { jwks_url: "http://127.0.0.1:1/certs".parse().unwrap(), ..config };
    let intake = Intake::start(nowhere, Some(publisher.clone())).await;
    let answer = intake.push_to(PATHS[0], Some(&token()), push("m1", 7)).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(intake.push(None, push("m1", 7)).await, 401);
    assert_eq!(intake.prove(PATHS[0], Some(&token())).await, 503);
    assert!(publisher.events().is_empty());
}

#[tokio::test]
async fn notices_of_channels_nobody_opened_are_refused() {
    let publisher = Arc::new(Remembering::default());
    let intake = Intake::over(publisher.clone()).await;
    for path in &PATHS[1..] {
        let request = intake.client.post(format!("{}{path}", intake.origin)).bearer_auth(token());
        let request = request.header("x-goog-channel-id", "c1").header("x-goog-channel-token", "t");
        let answer = request.header("x-goog-resource-state", "exists").send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let asked = intake.client.head(format!("{}{path}", intake.origin)).bearer_auth(token());
        assert_eq!(asked.header("x-goog-channel-id", "c1").send().await.unwrap().status(), 401);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "unknown_channel");
    }
    assert!(publisher.events().is_empty());
}
