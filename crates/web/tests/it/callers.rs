//! Identity from verified tokens only.

use postrider_web::service_tokens::{Claims, TOKEN_HEADER};
use postrider_web::{Scope, Scopes};
use serde_json::{Value, json};

use crate::harness::{claims, http, problem, start, token};

#[tokio::test]
async fn a_caller_is_who_the_token_says_with_the_request_id_of_the_service_that_calls() {
    let server = start();
    let answer = http()
        .get(server.url("/me"))
        .bearer_auth(token("gateway", claims()))
        .header("x-request-id", "request-7")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .header("x-tenant-id", "evil")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["x-request-id"], "request-7");
    let expected = json!({ "tenant": "acme", "user": "ann", "request_id": "request-7",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736" });
    assert_eq!(answer.json::<Value>().await.unwrap(), expected);
}

#[tokio::test]
async fn without_a_good_token_nothing_is_answered() {
    let server = start();
    let good = token("gateway", claims());
    let tampered = format!("{}x", good.trim_end_matches(|c: char| c.is_ascii_alphanumeric()));
    let nobody = token("gateway", Claims { user: None, ..claims() });
    let headers = [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer a.b.c",
        &format!("Bearer {tampered}"),
        &format!("Bearer {nobody}"),
    ];
    for header in headers {
        let answer = http().get(server.url("/me")).header("authorization", header).send().await.unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{header}");
        problem(answer, 401, "unauthorized").await;
    }
    // Two headers: which one is meant?
    let twice = http().get(server.url("/me")).bearer_auth(&good).header("authorization", "Bearer x");
    problem(twice.send().await.unwrap(), 401, "unauthorized").await;
    problem(http().get(server.url("/me")).send().await.unwrap(), 401, "unauthorized").await;
}

#[tokio::test]
async fn a_scope_that_is_missing_is_named() {
    let server = start();
    let admin_only = Claims { scopes: Scopes::from_iter([Scope::TenantAdmin]), ..claims() };
    let request = http().get(server.url("/me")).bearer_auth(token("gateway", admin_only));
    let document = problem(request.send().await.unwrap(), 403, "insufficient_scope").await;
    assert!(document["detail"].as_str().unwrap().contains("read"));
}

#[tokio::test]
async fn a_route_for_one_service_refuses_the_others() {
    let server = start();
    let from = |caller| http().get(server.url("/internal/who")).bearer_auth(token(caller, Claims::default()));
    let answer: Value = from("sync-worker").send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["name"], "sync-worker");
    problem(from("gateway").send().await.unwrap(), 403, "forbidden").await;
}

#[tokio::test]
async fn a_request_id_is_believed_of_a_service_that_signs_beside_authorization() {
    let server = start();
    let ask = |signed: String| {
        let request = http().get(server.url("/fails/conflict")).header("x-request-id", "request-7");
        request.header(TOKEN_HEADER, signed).bearer_auth("somebody else's").send()
    };
    let believed = problem(ask(token("gateway", claims())).await.unwrap(), 409, "account_ambiguous").await;
    assert_eq!(believed["request_id"], "request-7");
    let forged = problem(ask("a.b.c".to_owned()).await.unwrap(), 409, "account_ambiguous").await;
    assert_ne!(forged["request_id"], "request-7");
    // It tells who asks, not for whom: no route takes it for its caller.
    let me = http().get(server.url("/me")).header(TOKEN_HEADER, token("gateway", claims()));
    problem(me.send().await.unwrap(), 401, "unauthorized").await;
}
