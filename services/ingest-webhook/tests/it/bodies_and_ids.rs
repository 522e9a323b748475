//! Bodies that come late or are announced too large, and the gateway's request ids.

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::SystemClock;
use postrider_ingest_webhook::config::Config;
use postrider_web::InternalTokens;
use postrider_web::body::BodyRules;
use postrider_web::service_tokens::{Claims, TOKEN_HEADER};
use serde_json::Value;

use crate::harness::{Intake, PATHS, Remembering, gateways_key, push, token};

fn head(path: &str, length: usize) -> String {
    let token = token();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    )
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let publisher = Arc::new(Remembering::default());
    let bodies = BodyRules { longest: 1024, deadline: Duration::from_millis(200) };
    let intake = Intake::start(|config| Config { bodies, ..config }, Some(publisher.clone())).await;
    for path in PATHS {
        let answer = intake.raw(&format!("{}{{\"message\"", head(path, 500))).await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{path}: {answer}");
    }
    assert!(publisher.events().is_empty());
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_comes() {
    let intake = Intake::over(Arc::new(Remembering::default())).await;
    let answer = intake.raw(&head(PATHS[0], 1024 * 1024 + 1)).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn the_gateways_request_id_is_that_of_the_answer() {
    let intake = Intake::over(Arc::new(Remembering::default())).await;
    let claims = Claims { request_id: "request-7".to_owned(), ..Claims::default() };
    let signed =
        InternalTokens::new(gateways_key(), "gateway", Arc::new(SystemClock)).issue("ingest-webhook", claims).unwrap();
    for (signed, believed) in [(signed.expose(), true), ("a.b.c", false)] {
        let request = intake.client.post(format!("{}{}", intake.origin, PATHS[0])).bearer_auth("forged");
        let request = request.header("x-request-id", "request-7").header(TOKEN_HEADER, signed);
        let answer = request.body(push("m1", 7)).send().await.unwrap();
        assert_eq!(answer.status(), 401);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["request_id"] == "request-7", believed, "{problem}");
    }
}
