//! What every request gets: id, headers, problems, metrics, health.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postrider_web::Health;
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::harness::{http, problem, start, start_with};

#[tokio::test]
async fn answers_carry_an_id_and_safe_headers() {
    let server = start();
    let answer = http().get(server.url("/things?limit=7")).header("x-request-id", "mine").send().await.unwrap();
    let headers = answer.headers().clone();
    // A stranger's id is not taken: it could be anybody's.
    assert_ne!(headers["x-request-id"], "mine");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "limit": 7 }));
}

#[tokio::test]
async fn the_librarys_own_errors_are_problems_too() {
    let server = start();
    problem(http().get(server.url("/nowhere")).send().await.unwrap(), 404, "not_found").await;
    let answer = http().delete(server.url("/things")).send().await.unwrap();
    problem(answer, 405, "method_not_allowed").await;
    let document = problem(http().get(server.url("/fails/foreign")).send().await.unwrap(), 500, "internal_error").await;
    assert!(!document.to_string().contains("secret cause"), "{document}");
    problem(http().get(server.url("/fails/panic")).send().await.unwrap(), 500, "internal_error").await;
}

#[tokio::test]
async fn our_problems_keep_their_members_and_say_when_to_come_back() {
    let server = start();
    let document =
        problem(http().get(server.url("/fails/conflict")).send().await.unwrap(), 409, "account_ambiguous").await;
    assert_eq!(document["accounts"], json!(["a", "b"]));
    assert_eq!(document["type"], "urn:postrider:problem:account_ambiguous");
    let answer = http().get(server.url("/fails/unavailable")).send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "2");
    problem(answer, 503, "broker_down").await;
    let answer = http().get(server.url("/guarded")).send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    problem(answer, 429, "rate_limited").await;
}

#[tokio::test]
async fn an_error_passed_on_from_elsewhere_stays_as_it_is() {
    let server = start();
    let answer = http().get(server.url("/proxied")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), r#"{"status":404,"code":"theirs"}"#);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_not_by_path() {
    let server = start();
    for id in 0..3 {
        http().get(server.url(&format!("/things/0192f0c1-2345-7000-8000-00000000000{id}"))).send().await.unwrap();
    }
    http().get(server.url("/some/thing/else")).send().await.unwrap();
    let metrics = http().get(server.admin_url("/metrics")).send().await.unwrap().text().await.unwrap();
    let counted = r#"postrider_http_request_duration_seconds_count{method="GET",route="/things/{id}",status="200"} 3"#;
    assert!(metrics.contains(counted), "{metrics}");
    assert!(metrics.contains(r#"route="unmatched",status="404"} 1"#), "{metrics}");
    assert!(metrics.contains("postrider_process_uptime_seconds"), "{metrics}");
    // Not on the public listener.
    problem(http().get(server.url("/metrics")).send().await.unwrap(), 404, "not_found").await;
}

#[tokio::test]
async fn readiness_follows_the_checks_and_the_stop() {
    let up = Arc::new(AtomicBool::new(false));
    let asked = up.clone();
    let health = Health::new().check("database", move || {
        let up = asked.load(Ordering::SeqCst);
        async move { if up { Ok(()) } else { Err("connection refused by 10.0.0.7") } }
    });
    let server = start_with(health, |_| {});
    let live = http().get(server.url("/health/live")).send().await.unwrap();
    assert_eq!(live.status(), 200);
    let document = problem(http().get(server.url("/health/ready")).send().await.unwrap(), 503, "not_ready").await;
    assert_eq!(document["checks"], json!({ "database": "failed" }));
    assert!(!document.to_string().contains("10.0.0.7"), "{document}");
    up.store(true, Ordering::SeqCst);
    // The first answer is kept a second.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let answer = http().get(server.url("/health/ready")).send().await.unwrap();
        if answer.status() == 200 {
            assert_eq!(
                answer.json::<Value>().await.unwrap(),
                json!({ "status": "ready", "checks": { "database": "ok" } })
            );
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "never ready");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[derive(OpenApi)]
#[openapi(info(title = "connector", version = "1"), components(schemas(postrider_web::ProblemDocument, postrider_web::Page<String>, postrider_web::Limit)))]
struct ApiDoc;

#[tokio::test]
async fn the_services_document_is_served() {
    let server = start_with(Health::new(), postrider_web::openapi::document(&ApiDoc::openapi()));
    let document: Value = http().get(server.url("/openapi.json")).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["info"]["title"], "connector");
    assert!(document["components"]["schemas"]["ProblemDocument"]["properties"]["code"].is_object(), "{document}");
}

#[tokio::test]
async fn a_taken_port_is_told_with_the_remedy() {
    let server = start();
    let config =
        postrider_web::ServerConfig { name: "connector", listen: server.addr, admin: server.addr, body_limit: 1 };
    let error = postrider_web::Server::bind(config, &postrider_runtime::Context::for_tests(), Health::new(), |_| {})
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&server.addr.to_string()) && text.contains("PORT_BASE"), "{text}");
}
