//! Requests and answers on their way through.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Gateway, only, token};

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405() {
    let gateway = Gateway::start().await;
    for path in ["/", "/nothing", "/internal/events", "/internal/token-leases", "/metrics", "/api/v1/emails/"] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }
    let answer = gateway.request(Method::DELETE, "/api/v1/emails").bearer_auth(token(json!({}))).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "GET"));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "method_not_allowed");
}

/// A path as no HTTP library would send it.
async fn raw(gateway: &Gateway, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(gateway.addr()).await.unwrap();
    let token = token(json!({}));
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn no_spelling_of_a_path_reaches_internal_routes() {
    let gateway = Gateway::start().await;
    for path in [
        "/api/v1/emails/../../../internal/events",
        "/api/v1/emails/%2e%2e/%2E%2E/internal",
        "/api/v1/emails/..%2f..%2finternal%2fevents/raw/x",
        "/api/v1/threads/..",
        "/api/v1/threads/%2e%2e",
        "//internal/events",
        "/./internal/events",
        "http://internal/internal/events",
    ] {
        let answer = raw(&gateway, path).await;
        assert!(answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
    }
    let services = &gateway.services;
    for server in [&services.connector, &services.sync_worker, &services.notification, &services.ingest] {
        assert!(server.received_requests().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn answers_come_back_whole_with_their_headers_and_without_those_of_one_hop() {
    let gateway = Gateway::start().await;
    let large = vec![7_u8; 5_000_000];
    let answer = ResponseTemplate::new(200)
        .set_body_bytes(large.clone())
        .insert_header("content-type", "message/rfc822")
        .insert_header("content-disposition", "attachment; filename=\"a.eml\"")
        .insert_header("access-control-allow-origin", "*")
        .append_header("set-cookie", "a=1")
        .append_header("set-cookie", "b=2");
    Mock::given(path("/api/v1/emails/1/raw")).respond_with(answer).mount(&gateway.services.sync_worker).await;
    let answer = gateway.get("/api/v1/emails/1/raw").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "message/rfc822");
    assert_eq!(answer.headers()["content-length"], "5000000");
    assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.bytes().await.unwrap(), large);
}

#[tokio::test]
async fn problems_of_services_stay_theirs() {
    let gateway = Gateway::start().await;
    let problem = json!({"code": "reauth_required", "status": 409, "detail": "theirs"});
    let answer = ResponseTemplate::new(409).set_body_raw(problem.to_string(), "application/problem+json");
    Mock::given(path("/gmail/sync"))
        .respond_with(answer.insert_header("retry-after", "7"))
        .mount(&gateway.services.sync_worker)
        .await;
    let answer = gateway
        .request(Method::POST, "/gmail/sync")
        .bearer_auth(token(json!({})))
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (409, "7"));
    assert_eq!(answer.json::<Value>().await.unwrap(), problem);
}

#[tokio::test]
async fn bodies_pass_up_to_one_mebibyte() {
    let gateway = Gateway::start().await;
    let post = |body: String| gateway.request(Method::POST, "/api/connectors").bearer_auth(token(json!({}))).body(body);
    assert_eq!(post("x".repeat(1024 * 1024)).send().await.unwrap().status(), 200);
    assert_eq!(only(&gateway.services.connector).await.body.len(), 1024 * 1024);
    let answer = post("x".repeat(1024 * 1024 + 1)).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "payload_too_large");
}

#[tokio::test]
async fn a_service_that_is_down_is_503_with_a_time_to_come_back() {
    let gateway = Gateway::start_with(|mut config| {
        config.upstreams.notification = "http://127.0.0.1:1/".parse().unwrap();
        config
    })
    .await;
    let answer = gateway.get("/api/notifications").await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "service_unavailable");
    assert_eq!(gateway.get("/api/connectors").await.status(), 200);
}

#[tokio::test]
async fn a_service_that_refuses_our_token_is_our_mistake() {
    let gateway = Gateway::start().await;
    Mock::given(path("/api/v1/emails"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&gateway.services.sync_worker)
        .await;
    assert_eq!(gateway.get("/api/v1/emails").await.status(), 500);
}

#[tokio::test]
async fn head_is_asked_as_get_and_answered_with_its_length_and_without_its_body() {
    let gateway = Gateway::start().await;
    let answer = ResponseTemplate::new(200).set_body_string("x".repeat(70_000)).insert_header("x-own", "kept");
    Mock::given(method("GET"))
        .and(path("/api/connectors"))
        .respond_with(answer)
        .mount(&gateway.services.connector)
        .await;
    Mock::given(method("HEAD")).respond_with(ResponseTemplate::new(405)).mount(&gateway.services.connector).await;
    let token = token(json!({}));
    let head =
        |more| format!("HEAD /api/connectors HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\r\n");
    // Twice on one connection: bytes of a body would be read as the second answer.
    let answers = gateway.raw(&format!("{}{}", head(""), head("Connection: close\r\n"))).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    assert_eq!(answers.matches("content-length: 70000").count(), 2, "{answers}");
    assert!(!answers.contains("xxx") && answers.contains("x-own: kept"), "{answers}");
    for seen in gateway.services.connector.received_requests().await.unwrap() {
        assert_eq!(seen.method.as_str(), "GET");
    }
}

#[tokio::test]
async fn head_of_an_error_and_of_what_is_not_there_is_told_by_its_status() {
    let gateway = Gateway::start().await;
    let head = |path| gateway.request(Method::HEAD, path).bearer_auth(token(json!({})));
    let problem = ResponseTemplate::new(404).set_body_raw(r#"{"code":"theirs"}"#, "application/problem+json");
    Mock::given(path("/api/v1/emails")).respond_with(problem).mount(&gateway.services.sync_worker).await;
    for (path, status) in [("/api/v1/emails", 404), ("/nothing", 404), ("/gmail/sync", 405), ("/openapi.json", 200)] {
        let answer = head(path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert!(answer.text().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn health_needs_nothing() {
    let gateway = Gateway::start().await;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(gateway.request(Method::GET, path).send().await.unwrap().status(), 200);
    }
}
