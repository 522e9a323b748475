//! Strangers who call themselves Google.

use std::num::NonZeroU32;
use std::time::Duration;

use postrider_gateway::proxy::Bodies;
use postrider_gateway::rules::client_address::TrustedProxies;
use postrider_testing::MockServer;
use postrider_web::body::BodyRules;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wiremock::matchers::{header, method};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Gateway, with_method};

const PATH: &str = "/api/email/webhook/google/pubsub";

/// An intake that takes Google's pushes and nobody else's.
async fn intake(server: &MockServer) {
    let google = || header("authorization", "Bearer google's");
    let answer = |status| ResponseTemplate::new(status);
    Mock::given(method("HEAD")).and(google()).respond_with(answer(204)).with_priority(1).mount(server).await;
    Mock::given(method("HEAD")).respond_with(answer(401)).with_priority(2).mount(server).await;
    Mock::given(method("POST")).and(google()).respond_with(answer(202)).with_priority(1).mount(server).await;
    Mock::given(method("POST")).respond_with(answer(401)).with_priority(2).mount(server).await;
}

async fn gateway() -> Gateway {
    let gateway = Gateway::start_with(|mut config| {
        config.trusted = TrustedProxies::parse(["127.0.0.1"]).unwrap();
        config.rates.address = NonZeroU32::new(200).unwrap();
        config
    })
    .await;
    intake(&gateway.services.ingest).await;
    gateway
}

fn push(gateway: &Gateway, token: &str) -> RequestBuilder {
    let request = gateway.request(Method::POST, PATH).header("x-forwarded-for", "6.6.6.6");
    request.bearer_auth(token).body(r#"{"message":{}}"#)
}

/// Each announces a whole mebibyte, sends nearly all of it, and holds on.
#[tokio::test]
async fn bodies_of_strangers_are_not_read_and_keep_no_push_out() {
    let gateway = gateway().await;
    let length = 1024 * 1024;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 9.9.9.9\r\nAuthorization: Bearer x\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    let mut strangers = Vec::new();
    for _ in 0..80 {
        let mut stranger = TcpStream::connect(gateway.addr()).await.unwrap();
        stranger.write_all(head.as_bytes()).await.unwrap();
        // The answer comes before any of the body was sent.
        let mut start = [0; 12];
        let read = tokio::time::timeout(Duration::from_secs(10), stranger.read_exact(&mut start)).await;
        read.expect("an answer without a body").unwrap();
        assert_eq!(&start, b"HTTP/1.1 401");
        strangers.push(stranger);
    }
    for stranger in &mut strangers {
        // Its connection may be closed by now.
        let body = vec![b'x'; length - 1];
        let _closed = tokio::time::timeout(Duration::from_millis(20), stranger.write_all(&body)).await;
    }
    for _ in 0..20 {
        assert_eq!(push(&gateway, "google's").send().await.unwrap().status(), 202);
    }
    assert_eq!(with_method(&gateway.services.ingest, "POST").await.len(), 20);
}

#[tokio::test]
async fn forged_pushes_are_bounded_by_their_address_which_googles_may_share() {
    let gateway = gateway().await;
    let mut forged = Vec::new();
    for _ in 0..220 {
        forged.push(push(&gateway, "x").send().await.unwrap().status().as_u16());
    }
    assert!(forged[..200].iter().all(|status| *status == 401), "{forged:?}");
    assert!(forged.contains(&429), "{forged:?}");
    assert_eq!(push(&gateway, "google's").send().await.unwrap().status(), 202);
    assert!(with_method(&gateway.services.ingest, "POST").await.iter().all(|seen| !seen.body.is_empty()));
}

#[tokio::test]
async fn a_token_that_was_good_is_asked_about_once() {
    let gateway = gateway().await;
    for _ in 0..5 {
        assert_eq!(push(&gateway, "google's").send().await.unwrap().status(), 202);
    }
    let asked = with_method(&gateway.services.ingest, "HEAD").await;
    assert_eq!(asked.len(), 1);
    let [asked] = asked.as_slice() else { panic!() };
    assert_eq!((asked.url.path(), &asked.headers["authorization"]), (PATH, &"Bearer google's".parse().unwrap()));
    assert_eq!(with_method(&gateway.services.ingest, "POST").await.len(), 5);
}

/// Anybody may have a channel: a notice is all in its headers, and what it sends beside them takes no room.
#[tokio::test]
async fn a_notices_body_is_not_read_and_its_proof_is_asked_about_once() {
    let gateway = Gateway::start_with(|mut config| {
        config.bodies = Bodies::new(BodyRules::up_to(1024 * 1024), 1_000, 1_000);
        config
    })
    .await;
    let channel = || header("x-goog-channel-token", "right");
    let answer = |status| ResponseTemplate::new(status);
    let server = &gateway.services.ingest;
    Mock::given(method("HEAD")).and(channel()).respond_with(answer(204)).with_priority(1).mount(server).await;
    intake(server).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut notice = TcpStream::connect(gateway.addr()).await.unwrap();
        let head = format!(
            "POST /api/email/webhook/google HTTP/1.1\r\nHost: x\r\nX-Goog-Channel-ID: 1\r\nX-Goog-Channel-Token: right\r\n\
             Content-Length: 1000\r\n\r\n{}",
            "x".repeat(900)
        );
        notice.write_all(head.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        let read = tokio::time::timeout(Duration::from_secs(10), notice.read_exact(&mut start)).await;
        read.expect("an answer before the body's end").unwrap();
        held.push(notice);
    }
    let push = push(&gateway, "google's").body("x".repeat(300));
    assert_eq!(push.send().await.unwrap().status(), 202);
    let asked = with_method(server, "HEAD").await;
    assert_eq!(asked.iter().filter(|asked| asked.headers.contains_key("x-goog-channel-id")).count(), 1);
    let posts = with_method(server, "POST").await;
    let notices: Vec<_> = posts.iter().filter(|seen| seen.headers.contains_key("x-goog-channel-id")).collect();
    assert!(notices.len() == 3 && notices.iter().all(|seen| seen.body.is_empty()));
}

#[tokio::test]
async fn an_intake_that_cannot_say_is_503_and_costs_nobody() {
    let gateway = Gateway::start().await;
    let away = ResponseTemplate::new(503);
    Mock::given(method("HEAD")).respond_with(away).with_priority(1).mount(&gateway.services.ingest).await;
    for _ in 0..70 {
        let answer = push(&gateway, "google's").send().await.unwrap();
        assert!(answer.status() == 503 && answer.headers().contains_key("retry-after"));
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "keys_unavailable");
    }
    let down = Gateway::start_with(|mut config| {
        config.upstreams.ingest = "http://127.0.0.1:1/".parse().unwrap();
        config
    })
    .await;
    let answer = push(&down, "google's").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true));
}
