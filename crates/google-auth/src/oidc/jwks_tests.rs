//! The cache against a server that counts, changes its keys and goes away.

use postrider_domain::MockClock;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::oidc::forge::publish;

async fn set_up() -> (MockServer, Arc<Jwks>, MockClock) {
    let server = MockServer::start().await;
    let clock = MockClock::default();
    let url = format!("{}/certs", server.uri()).parse().unwrap();
    let jwks = Jwks::new(url, Arc::new(clock.clone())).unwrap();
    (server, jwks, clock)
}

async fn fetches(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

async fn break_down(server: &MockServer) {
    server.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(server).await;
}

#[tokio::test]
async fn keys_are_fetched_once_while_fresh() {
    let (server, jwks, clock) = set_up().await;
    publish(&server, &["k1", "k2"], "max-age=600").await;
    assert!(!jwks.is_warm());
    let all = futures_util::future::join_all((0..20).map(|_| jwks.key("k1"))).await;
    assert!(all.into_iter().all(|key| key.is_ok()));
    clock.advance(TimeDelta::seconds(599));
    jwks.key("k2").await.unwrap();
    assert_eq!(fetches(&server).await, 1);
    clock.advance(TimeDelta::seconds(2));
    jwks.key("k2").await.unwrap();
    assert_eq!(fetches(&server).await, 2);
}

#[tokio::test]
async fn unknown_keys_are_looked_up_at_a_limited_rate() {
    let (server, jwks, clock) = set_up().await;
    publish(&server, &["k1"], "max-age=600").await;
    jwks.key("k1").await.unwrap();
    for forged in 0..50 {
        assert_eq!(jwks.key(&format!("forged-{forged}")).await.err(), Some(KeyError::Unknown));
    }
    assert_eq!(fetches(&server).await, 1);
    clock.advance(REST);
    server.reset().await;
    publish(&server, &["k1", "rotated"], "max-age=600").await;
    jwks.key("rotated").await.unwrap();
    assert_eq!(fetches(&server).await, 1);
}

#[tokio::test]
async fn stale_keys_serve_while_google_is_away() {
    let (server, jwks, clock) = set_up().await;
    publish(&server, &["k1"], "max-age=600").await;
    jwks.key("k1").await.unwrap();
    break_down(&server).await;
    clock.advance(TimeDelta::hours(5));
    for _ in 0..5 {
        jwks.key("k1").await.unwrap();
    }
    assert_eq!(fetches(&server).await, 1);
    assert_eq!(jwks.key("other").await.err(), Some(KeyError::Unreachable));
}

#[tokio::test]
async fn starts_without_google_and_recovers() {
    let (server, jwks, clock) = set_up().await;
    break_down(&server).await;
    assert_eq!(jwks.key("k1").await.err(), Some(KeyError::Unreachable));
    server.reset().await;
    publish(&server, &["k1"], "max-age=600").await;
    assert_eq!(jwks.key("k1").await.err(), Some(KeyError::Unreachable));
    clock.advance(REST);
    assert!(jwks.key("k1").await.is_ok());
}
