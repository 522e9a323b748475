//! Budgets and foreign pages.

use std::num::NonZeroU32;

use postrider_gateway::rules::client_address::TrustedProxies;
use postrider_web::Origins;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{Gateway, rates, token};

#[tokio::test]
async fn a_user_that_asks_too_often_is_told_when_to_come_back() {
    let gateway = Gateway::start_with(|mut config| {
        config.rates = rates(3);
        config
    })
    .await;
    for left in ["2", "1", "0"] {
        let answer = gateway.get("/api/connectors").await;
        assert_eq!((answer.status().as_u16(), answer.headers()["ratelimit-remaining"].to_str().unwrap()), (200, left));
    }
    let answer = gateway.get("/api/connectors").await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["ratelimit-limit"], "3");
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "rate_limited");
    let bob = gateway.request(Method::GET, "/api/connectors").bearer_auth(token(json!({"sub": "bob"})));
    assert_eq!(bob.send().await.unwrap().status(), 200);
}

/// The statuses of so many requests; each is made anew.
async fn statuses(times: usize, request: impl Fn() -> RequestBuilder) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(request().send().await.unwrap().status().as_u16());
    }
    statuses
}

/// A request that is made anew each time.
type Ask = fn(&Gateway) -> RequestBuilder;

/// Most of a budget of sixty is answered `first`; then come refusals, between which a request may come back as time goes.
fn is_bounded(first: u16, statuses: &[u16]) -> bool {
    let (own, rest) = statuses.split_at(60);
    own.iter().all(|status| *status == first)
        && rest.contains(&429)
        && rest.iter().all(|status| [first, 429].contains(status))
}

#[tokio::test]
async fn what_proves_nothing_is_bounded_by_its_address_and_nothing_else_is() {
    let kinds: [(u16, Ask); 7] = [
        (200, |gateway| gateway.request(Method::GET, "/api/system/info")),
        (200, |gateway| gateway.request(Method::GET, "/docs")),
        (404, |gateway| gateway.request(Method::GET, "/nothing")),
        (405, |gateway| gateway.request(Method::PUT, "/api/connectors")),
        (405, |gateway| gateway.request(Method::POST, "/openapi.json")),
        (401, |gateway| gateway.request(Method::GET, "/api/connectors")),
        (401, |gateway| gateway.request(Method::GET, "/api/connectors").bearer_auth("forged")),
    ];
    for (first, request) in kinds {
        let gateway = Gateway::start().await;
        let answers = statuses(70, || request(&gateway)).await;
        assert!(is_bounded(first, &answers), "{first}: {answers:?}");
        let refused = request(&gateway).send().await.unwrap();
        if refused.status() == 429 {
            assert!(refused.headers().contains_key("retry-after"));
            assert_eq!(refused.headers()["ratelimit-limit"], "60");
        }
        // Who proves something goes on, from the same address.
        assert_eq!(gateway.get("/api/connectors").await.status(), 200);
        let push = || gateway.request(Method::POST, "/api/email/webhook/google/pubsub").bearer_auth("google's");
        assert_eq!(statuses(70, || push().body("{}")).await, [200; 70]);
        assert_eq!(gateway.request(Method::GET, "/health/live").send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn an_expired_token_is_401_at_the_cost_of_its_user_however_much_others_ask_from_the_same_address() {
    let gateway = Gateway::start_with(|mut config| {
        config.rates = rates(80);
        config
    })
    .await;
    let get = || gateway.request(Method::GET, "/api/connectors");
    let strangers = statuses(62, get).await;
    assert!(strangers.contains(&429), "{strangers:?}");
    let expired = token(json!({"exp": 1_000}));
    assert_eq!(statuses(70, || get().bearer_auth(&expired)).await, [401; 70]);
    // The user's own budget has an end; a colleague at the same address has another.
    assert!(statuses(30, || get().bearer_auth(&expired)).await.contains(&429));
    let bob = token(json!({"exp": 1_000, "sub": "bob"}));
    assert_eq!(statuses(70, || get().bearer_auth(&bob)).await, [401; 70]);
}

#[tokio::test]
async fn an_address_may_be_given_more() {
    let gateway = Gateway::start_with(|mut config| {
        config.rates.address = NonZeroU32::new(500).unwrap();
        config
    })
    .await;
    let open = || gateway.request(Method::GET, "/gmail/auth/callback?state=s&code=c");
    assert_eq!(statuses(200, open).await, [200; 200]);
}

/// The statuses of so many requests to an open route, each with this `X-Forwarded-For`.
async fn ask_open(gateway: &Gateway, forwarded: &str, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        let request = gateway.request(Method::GET, "/api/system/info").header("x-forwarded-for", forwarded);
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_budget() {
    let gateway = Gateway::start_with(|mut config| {
        config.trusted = TrustedProxies::parse(["127.0.0.0/8"]).unwrap();
        config
    })
    .await;
    assert!(ask_open(&gateway, "9.9.9.9, 6.6.6.6", 62).await.contains(&429));
    // What the client wrote itself makes it nobody else.
    assert!(ask_open(&gateway, "8.8.8.8, 6.6.6.6", 1).await.contains(&429));
    assert_eq!(ask_open(&gateway, "7.7.7.7", 1).await, [200]);
    // One IPv6 network is one client.
    assert!(ask_open(&gateway, "2001:db8::1", 62).await.contains(&429));
    assert_eq!(ask_open(&gateway, "2001:db8::2", 1).await, [429]);
    assert_eq!(ask_open(&gateway, "2001:db8:0:1::1", 1).await, [200]);
    let seen = gateway.services.connector.received_requests().await.unwrap();
    assert_eq!(seen.first().unwrap().headers["x-forwarded-for"], "6.6.6.6");
}

#[tokio::test]
async fn without_one_the_header_is_not_believed() {
    let gateway = Gateway::start().await;
    assert!(ask_open(&gateway, "6.6.6.6", 62).await.contains(&429));
    assert_eq!(ask_open(&gateway, "7.7.7.7", 1).await, [429]);
}

#[tokio::test]
async fn only_named_origins_may_read_answers() {
    let gateway = Gateway::start_with(|mut config| {
        config.cors = Origins::parse(["https://app.example.com"]).unwrap();
        config
    })
    .await;
    let preflight = |origin: &str| {
        let request = gateway.request(Method::OPTIONS, "/api/connectors").header("origin", origin);
        request.header("access-control-request-method", "POST").send()
    };
    let allowed = preflight("https://app.example.com").await.unwrap();
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example.com");
    // What a page needs to load an attachment, and to go on with one that broke off.
    let headers = allowed.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(
        ["Authorization", "Range", "If-Range"].iter().all(|name| headers.split(", ").any(|allowed| allowed == *name))
    );
    let refused = preflight("https://evil.example.com").await.unwrap();
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
    // Errors must be readable for the page too.
    let answer = gateway.request(Method::GET, "/api/connectors").header("origin", "https://app.example.com");
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example.com");
    assert_eq!(answer.headers()["vary"], "Origin");
}
