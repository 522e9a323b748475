//! The cache against a server that counts, changes its keys, goes away and hangs.

use std::time::Duration;

use postrider_domain::MockClock;
use postrider_testing::MockServer;
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

use super::*;

async fn set_up() -> (MockServer, Jwks, MockClock) {
    let server = MockServer::start().await;
    let clock = MockClock::default();
    let http = crate::client::client().unwrap();
    let jwks = Jwks::new(server.uri().parse().unwrap(), http, Arc::new(clock.clone()));
    (server, jwks, clock)
}

fn key_set(kids: &[&str]) -> ResponseTemplate {
    let keys: Vec<_> =
        kids.iter().map(|kid| json!({"kty": "RSA", "kid": kid, "n": "AQAB", "e": "AQAB", "alg": "RS256"})).collect();
    ResponseTemplate::new(200).insert_header("cache-control", "max-age=600").set_body_json(json!({ "keys": keys }))
}

async fn publish(server: &MockServer, kids: &[&str]) {
    server.reset().await;
    Mock::given(any()).respond_with(key_set(kids)).mount(server).await;
}

async fn break_down(server: &MockServer) {
    server.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(server).await;
}

async fn fetches(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// Waits for fetches that go on beside.
async fn fetched(server: &MockServer, jwks: &Jwks, count: usize) {
    for _ in 0..500 {
        if fetches(server).await >= count && jwks.0.last.try_lock().is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(fetches(server).await, count);
}

#[tokio::test]
async fn keys_are_fetched_when_one_is_needed_and_once_while_fresh() {
    let (server, jwks, clock) = set_up().await;
    publish(&server, &["k1", "k2"]).await;
    assert_eq!(fetches(&server).await, 0);
    let all = futures_util::future::join_all((0..20).map(|_| jwks.key("k1"))).await;
    assert!(all.into_iter().all(|key| key.is_ok()));
    clock.advance(TimeDelta::seconds(599));
    jwks.key("k2").await.unwrap();
    assert_eq!(fetches(&server).await, 1);
    clock.advance(TimeDelta::seconds(2));
    jwks.key("k2").await.unwrap();
    fetched(&server, &jwks, 2).await;
    jwks.key("k2").await.unwrap();
    fetched(&server, &jwks, 2).await;
}

#[tokio::test]
async fn unknown_keys_are_looked_up_at_a_limited_rate() {
    let (server, jwks, clock) = set_up().await;
    publish(&server, &["k1"]).await;
    jwks.key("k1").await.unwrap();
    for forged in 0..50 {
        assert_eq!(jwks.key(&format!("forged-{forged}")).await.err(), Some(KeyError::Unknown));
    }
    assert_eq!(fetches(&server).await, 1);
    clock.advance(REST);
    publish(&server, &["k1", "rotated"]).await;
    jwks.key("rotated").await.unwrap();
    assert_eq!(fetches(&server).await, 1);
}

#[tokio::test]
async fn due_keys_serve_while_the_issuer_is_away() {
    let (server, jwks, clock) = set_up().await;
    publish(&server, &["k1"]).await;
    jwks.key("k1").await.unwrap();
    break_down(&server).await;
    clock.advance(TimeDelta::hours(5));
    for _ in 0..5 {
        jwks.key("k1").await.unwrap();
    }
    fetched(&server, &jwks, 1).await;
    assert_eq!(jwks.key("other").await.err(), Some(KeyError::Unreachable));
    jwks.key("k1").await.unwrap();
    assert_eq!(fetches(&server).await, 1);
}

#[tokio::test]
async fn starts_without_the_issuer_and_recovers() {
    let (server, jwks, clock) = set_up().await;
    break_down(&server).await;
    assert_eq!(jwks.key("k1").await.err(), Some(KeyError::Unreachable));
    publish(&server, &["k1"]).await;
    assert_eq!(jwks.key("k1").await.err(), Some(KeyError::Unreachable));
    clock.advance(REST);
    assert!(jwks.key("k1").await.is_ok());
}

#[tokio::test]
async fn what_is_no_key_set_or_too_large_leaves_the_known_keys_alone() {
    let (server, jwks, clock) = set_up().await;
    publish(&server, &["k1"]).await;
    jwks.key("k1").await.unwrap();
    for body in ["{\"keys\":[]}".to_owned(), "<html>".to_owned(), " ".repeat(SMALL + 1)] {
        server.reset().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&server).await;
        clock.advance(TimeDelta::hours(1));
        assert_eq!(jwks.key("k2").await.err(), Some(KeyError::Unreachable));
        assert!(jwks.key("k1").await.is_ok());
    }
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_nobody_up_whose_key_is_known() {
    let (server, jwks, clock) = set_up().await;
    publish(&server, &["k1"]).await;
    jwks.key("k1").await.unwrap();
    server.reset().await;
    Mock::given(any()).respond_with(key_set(&["k1"]).set_delay(Duration::from_secs(60))).mount(&server).await;
    clock.advance(TimeDelta::hours(5));
    for _ in 0..20 {
        let key = tokio::time::timeout(Duration::from_secs(5), jwks.key("k1")).await;
        assert!(key.expect("a known key waits for nobody").is_ok());
    }
}
