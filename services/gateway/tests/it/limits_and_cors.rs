//! Budgets and foreign pages.

use std::num::NonZeroU32;

use gateway::cors::AllowedOrigins;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Gateway, token};

#[tokio::test]
async fn a_user_that_asks_too_often_is_told_when_to_come_back() {
    let gateway = Gateway::start_with(|mut config| {
        config.rate_limit = NonZeroU32::new(3).unwrap();
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

#[tokio::test]
async fn guessing_tokens_ends_after_sixty_but_pushes_and_users_go_on() {
    let gateway = Gateway::start().await;
    let mut statuses = Vec::new();
    for _ in 0..62 {
        let guess = gateway.request(Method::GET, "/api/connectors").bearer_auth("guess");
        statuses.push(guess.send().await.unwrap().status().as_u16());
    }
    assert!(statuses[..60].iter().all(|status| *status == 401) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(gateway.get("/api/connectors").await.status(), 200);
    for _ in 0..70 {
        let push = gateway.request(Method::POST, "/api/email/webhook/google/pubsub").body("{}");
        assert_eq!(push.send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn only_named_origins_may_read_answers() {
    let gateway = Gateway::start_with(|mut config| {
        config.cors = AllowedOrigins::parse("https://app.example.com").unwrap();
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
    assert!(allowed.headers()["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
    let refused = preflight("https://evil.example.com").await.unwrap();
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
    // Errors must be readable for the page too.
    let answer = gateway.request(Method::GET, "/api/connectors").header("origin", "https://app.example.com");
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://app.example.com");
    assert_eq!(answer.headers()["vary"], "Origin");
}
