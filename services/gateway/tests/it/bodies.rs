//! Bodies of requests: how long and how many.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use postrider_domain::MockClock;
use postrider_gateway::config::Config;
use postrider_gateway::proxy::Bodies;
use postrider_gateway::rules::client_address::TrustedProxies;
use postrider_testing::eventually;
use postrider_web::body::BodyRules;
use postrider_web::service_tokens::LIFETIME;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Gateway, only, token, token_by, verified, with_method};

const WAIT: Duration = Duration::from_secs(10);

/// A request's head; its body is the test's business.
fn head(path: &str, token: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\
         Content-Type: application/json\r\nConnection: close\r\n\r\n"
    )
}

fn bounded(deadline: Duration, room: usize, share: usize) -> impl FnOnce(Config) -> Config {
    move |mut config| {
        config.bodies = Bodies::new(BodyRules { longest: 1024 * 1024, deadline }, room, share);
        config
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408_on_every_kind_of_route() {
    let gateway = Gateway::start_with(bounded(Duration::from_millis(200), 1024 * 1024, 1024 * 1024)).await;
    let token = token(json!({}));
    let routes =
        ["/api/connectors", "/gmail/auth/callback", "/api/email/webhook/google/pubsub", "/api/v1/gmail/watch/webhook"];
    for path in routes {
        let answer = gateway.raw(&format!("{}{{", head(path, &token, 100))).await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{path}: {answer}");
    }
    let services = &gateway.services;
    for server in [&services.connector, &services.notification, &services.ingest] {
        assert!(with_method(server, "POST").await.is_empty());
    }
}

#[tokio::test]
async fn what_is_announced_too_large_or_bears_no_proof_is_refused_before_it_comes() {
    let gateway = Gateway::start().await;
    let answer = gateway.raw(&head("/api/connectors", &token(json!({})), 1024 * 1024 + 1)).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("payload_too_large"), "{answer}");
    for path in ["/api/email/webhook/google/pubsub", "/api/email/webhook/google", "/api/v1/gmail/watch/webhook"] {
        let head = head(path, "x", 1000).replace("Authorization", "X-Nothing");
        let answer = gateway.raw(&head).await;
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("unauthorized"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn bodies_that_are_on_their_way_bound_those_that_may_come() {
    let gateway = Gateway::start_with(bounded(Duration::from_secs(60), 1_000, 1_000)).await;
    let post = |path: &str, size: usize| {
        gateway.request(Method::POST, path).bearer_auth(token(json!({}))).body("x".repeat(size)).send()
    };
    // Either may come first; only if the half body did, the other is refused.
    let (mut held, refused) = eventually("the room to be taken", WAIT, || async {
        let mut held = TcpStream::connect(gateway.addr()).await.unwrap();
        let head = head("/api/connectors", &token(json!({})), 900);
        held.write_all(format!("{head}{}", "x".repeat(800)).as_bytes()).await.unwrap();
        let answer = post("/api/connectors", 300).await.unwrap();
        (answer.status() == 503).then_some((held, answer))
    })
    .await;
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "unavailable");
    // Who has no body, or comes by another kind of route, is not held up.
    assert_eq!(gateway.get("/api/connectors").await.status(), 200);
    assert_eq!(post("/api/email/webhook/google/pubsub", 300).await.unwrap().status(), 200);
    held.write_all("x".repeat(100).as_bytes()).await.unwrap();
    let mut answer = String::new();
    held.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(post("/api/connectors", 1_000).await.unwrap().status(), 200);
}

/// A ticket may be made up: until a service has seen it, who bears it is a stranger, also on a row for callers.
#[tokio::test]
async fn bodies_beside_a_ticket_keep_no_caller_out() {
    let gateway = Gateway::start_with(bounded(Duration::from_secs(60), 1_000, 1_000)).await;
    let mut held = TcpStream::connect(gateway.addr()).await.unwrap();
    let head = head("/api/v1/events/stream?ticket=x", "x", 1_000);
    let head = head.replace("POST", "GET").replace("Authorization: Bearer x\r\n", "");
    held.write_all(format!("{head}{}", "x".repeat(900)).as_bytes()).await.unwrap();
    for _ in 0..20 {
        let post = gateway.request(Method::POST, "/api/connectors").bearer_auth(token(json!({})));
        assert_eq!(post.body("x".repeat(300)).send().await.unwrap().status(), 200);
    }
}

/// Somebody sends slowly on many connections: whoever it is, others have room.
#[tokio::test]
async fn nobody_takes_more_than_a_share_of_the_room() {
    let gateway = Gateway::start_with(|mut config| {
        config.trusted = TrustedProxies::parse(["127.0.0.1"]).unwrap();
        bounded(Duration::from_secs(60), 10_000, 1_000)(config)
    })
    .await;
    // A user with a token, and an address without one.
    for path in ["/api/connectors", "/gmail/auth/callback"] {
        let post = |user: &str, address: &str, size: usize| {
            let request = gateway.request(Method::POST, path).bearer_auth(token(json!({"sub": user})));
            request.header("x-forwarded-for", address).body("x".repeat(size)).send()
        };
        let _held = eventually("the share to be taken", WAIT, || async {
            let mut held = TcpStream::connect(gateway.addr()).await.unwrap();
            let head = head(path, &token(json!({"sub": "ann"})), 1_000);
            let head = head.replace("Host: x", "Host: x\r\nX-Forwarded-For: 6.6.6.6");
            held.write_all(format!("{head}{}", "x".repeat(900)).as_bytes()).await.unwrap();
            (post("ann", "6.6.6.6", 500).await.unwrap().status() == 503).then_some(held)
        })
        .await;
        assert_eq!(post("bob", "7.7.7.7", 500).await.unwrap().status(), 200, "{path}");
    }
}

#[tokio::test]
async fn the_services_token_is_as_fresh_as_the_end_of_the_body() {
    let clock = MockClock::default();
    let gateway = Gateway::start_by(Arc::new(clock.clone()), |mut config| {
        config.rates.user = NonZeroU32::MIN;
        config
    })
    .await;
    let users = AtomicU32::new(0);
    // A user may ask once a minute: once its second request is refused, the first is admitted and lacks its body only.
    let mut stream = eventually("the request to be admitted", WAIT, || async {
        let user = token_by(&clock, json!({"sub": format!("user-{}", users.fetch_add(1, Ordering::Relaxed))}));
        let mut stream = TcpStream::connect(gateway.addr()).await.unwrap();
        let head = head("/api/connectors", &user, 100);
        stream.write_all(format!("{head}{}", "x".repeat(50)).as_bytes()).await.unwrap();
        let second = gateway.request(Method::GET, "/api/connectors").bearer_auth(user).send().await.unwrap();
        (second.status() == 429).then_some(stream)
    })
    .await;
    clock.advance(LIFETIME + LIFETIME);
    stream.write_all("x".repeat(50).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = gateway.services.connector.received_requests().await.unwrap();
    let post = seen.iter().find(|request| request.method.as_str() == "POST").unwrap();
    let authorization = post.headers["authorization"].to_str().unwrap();
    verified(authorization.strip_prefix("Bearer ").unwrap(), "connector", Arc::new(clock));
}

#[tokio::test]
async fn small_bodies_arrive_whole() {
    let gateway = Gateway::start().await;
    let request = gateway.request(Method::POST, "/api/connectors").bearer_auth(token(json!({})));
    assert_eq!(request.json(&json!({"a": 1})).send().await.unwrap().status(), 200);
    assert_eq!(only(&gateway.services.connector).await.body, br#"{"a":1}"#);
}
