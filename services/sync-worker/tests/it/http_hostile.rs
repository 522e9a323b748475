//! Bad callers and bad input on every route: a 4xx problem document, nothing changed, never a 5xx.

use reqwest::Method;
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, Answer, World, token};

/// Every route of the service's own document but the open one, with ids filled in: a new route is tried too.
async fn routes(world: &World, id: &str) -> Vec<(Method, String)> {
    let document = Answer::of(world.http.get(format!("{}/openapi.json", world.base))).await.body;
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            if path != "/gmail/health" {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let path = path.replace("{id}", id).replace("{attachment_id}", id);
                let path = path.replace("{kind}", "task").replace("{ref}", "7");
                routes.push((method, path));
            }
        }
    }
    assert!(routes.len() >= 8, "{routes:?}");
    routes
}

/// A body where the route wants one.
fn body(method: &Method, path: &str) -> Option<Value> {
    match path {
        "/gmail/sync" | "/api/v1/gmail/watch/queue/process" => Some(json!({})),
        "/api/v1/emails/processed" => Some(json!({"ids": ["00000000-0000-7000-8000-000000000000"], "processed": true})),
        _ if path.ends_with("/processed") => Some(json!({"processed": true})),
        _ => None,
    }
    .filter(|_| *method == Method::POST)
}

async fn send(world: &World, bearer: Option<&str>, method: &Method, path: &str) -> Answer {
    let mut request = world.http.request(method.clone(), format!("{}{path}", world.base));
    if let Some(bearer) = bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    if let Some(body) = body(method, path) {
        request = request.json(&body);
    }
    Answer::of(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_must_allow_what_is_asked() {
    let (world, ann) = World::with_account(1).await;
    let mails = world.get(&ann, "/api/v1/emails").await.body;
    let id = mails["data"][0]["id"].as_str().unwrap().to_owned();
    let before = world.digest().await;
    for (method, path) in routes(&world, &id).await {
        let wrong = if method == Method::GET { "write" } else { "read" };
        for scopes in [wrong, "", "tenant:admin", "READ WRITE everything"] {
            let answer = send(&world, Some(&token(&ann.tenant, &ann.user, scopes)), &method, &path).await;
            answer.is_problem(403, &format!("{method} {path} with {scopes:?}"));
            assert_eq!(answer.code(), "insufficient_scope");
        }
    }
    assert_eq!(world.digest().await, before);
    for (method, path) in routes(&world, &id).await {
        let right = if method == Method::GET { "read" } else { "write" };
        for scopes in [right, "admin"] {
            let answer = send(&world, Some(&token(&ann.tenant, &ann.user, scopes)), &method, &path).await;
            // A mail's id is that of nothing else: everything else is there.
            let absent =
                ["sync-runs/", "threads/", "attachments/", "connectors/"].iter().any(|kind| path.contains(kind));
            let wanted: &[u16] = if absent { &[404] } else { &[200, 201, 202, 204] };
            assert!(wanted.contains(&answer.status), "{method} {path} with {scopes:?}: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_answers_without_a_good_token() {
    let (world, ann) = World::with_account(0).await;
    let before = world.digest().await;
    let good = token(&ann.tenant, &ann.user, "read write");
    let (head, signature) = good.rsplit_once('.').unwrap();
    let tampered = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let mut routes = routes(&world, "00000000-0000-7000-8000-000000000000").await;
    routes.push((Method::GET, "/internal/events?stream=x".to_owned()));
    routes.push((Method::GET, "/internal/streams?changed_since=2026-01-01T00:00:00Z".to_owned()));
    for (method, path) in routes {
        for bearer in [None, Some(""), Some("x"), Some(tampered.as_str()), Some(&"y".repeat(9_000))] {
            let answer = send(&world, bearer, &method, &path).await;
            answer.is_problem(401, &format!("{method} {path}"));
            assert!(!answer.header("www-authenticate").is_empty(), "{method} {path}");
        }
    }
    assert_eq!(world.digest().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_ids_queries_and_headers_are_told_and_change_nothing() {
    let (world, ann) = World::with_account(1).await;
    let before = world.digest().await;
    let nil = "00000000-0000-7000-8000-000000000000";
    let long = "x".repeat(3_000);
    for id in ["7", "%00", "..%2f..%2fetc", "%ff", nil, &long, "00000000-0000-7000-8000-00000000000g"] {
        for path in
            [format!("/api/v1/emails/{id}"), format!("/api/v1/emails/{id}/raw"), format!("/api/v1/sync-runs/{id}")]
        {
            world.get(&ann, &path).await.is_problem(404, &path);
        }
    }
    let cursors = ["", "!", "e30", "W10", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwWiJd", &long];
    // A cursor in our own form whose year no database has.
    let far = "WyItMjYyMTQzLTAxLTAxVDAwOjAwOjAwWiIsIjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMCJd";
    let lists = ["/api/v1/emails", "/api/v1/sync-runs"];
    let shared =
        ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "limit=1&limit=2", "page=2", "connector_id=7"];
    let mut table: Vec<(Method, String, &str)> = Vec::new();
    for list in lists {
        table.extend(
            shared.iter().map(|query| (Method::GET, format!("{list}?{query}"), query.split('=').next().unwrap())),
        );
        let cursors = cursors.iter().chain([&far]);
        table.extend(cursors.map(|cursor| (Method::GET, format!("{list}?cursor={cursor}"), "cursor")));
        table.push((Method::GET, format!("{list}?connector_id=%00"), "connector_id"));
    }
    let filters = [
        ("label", "%00"),
        ("label", ""),
        ("thread_id", "a%00"),
        ("message_id", ""),
        ("unread", "maybe"),
        ("processed", "1"),
        ("include_deleted", "2"),
        ("include_spam_trash", "x"),
        ("from", "%00"),
        ("from", long.as_str()),
        ("subject", "a%00b"),
        ("subject", long.as_str()),
        ("received_after", "yesterday"),
        ("received_before", "2026-13-01T00:00:00Z"),
        ("received_after", "-262143-01-01T00:00:00Z"),
        ("received_before", "%2B262142-01-01T00:00:00Z"),
        ("sort", "subject"),
        ("sort", "RECEIVED_AT"),
        ("q", "%00"),
        ("q", long.as_str()),
        ("q", "before:yesterday"),
        ("q", "after:2026-13-01"),
    ];
    table.extend(filters.map(|(name, value)| (Method::GET, format!("/api/v1/emails?{name}={value}"), name)));
    for path in ["/gmail/stats", "/gmail/sync", "/gmail/sync/deleted"] {
        let method = if path == "/gmail/stats" { Method::GET } else { Method::POST };
        for (name, value) in
            [("user_email", "nobody"), ("user_email", "a@b%00.c"), ("connector_id", "x"), ("more", "1")]
        {
            table.push((method.clone(), format!("{path}?{name}={value}"), name));
        }
    }
    for value in ["0", "5001", "-1", "1.5", "x", "99999999999999999999"] {
        table.push((Method::POST, format!("/gmail/sync/deleted?max_results={value}"), "max_results"));
    }
    table.push((Method::POST, "/gmail/sync/deleted?force_full_sync=2".to_owned(), "force_full_sync"));
    for (method, path, field) in table {
        let mut request = world.request(&ann, "read write", method.clone(), &path);
        if path.starts_with("/gmail/sync?") {
            request = request.json(&json!({}));
        }
        let answer = Answer::of(request).await;
        answer.is_problem(422, &format!("{method} {path}"));
        assert_eq!(answer.body["errors"][0]["field"], field, "{path}: {}", answer.text());
    }
    the_account_header(&world, &ann).await;
    for (method, path) in
        [(Method::DELETE, "/api/v1/emails"), (Method::GET, "/gmail/sync"), (Method::PUT, "/gmail/stats")]
    {
        Answer::of(world.request(&ann, "read write", method, path)).await.is_problem(405, path);
    }
    assert_eq!(world.digest().await, before);
}

async fn the_account_header(world: &World, ann: &Account) {
    for (method, path) in routes(world, "00000000-0000-7000-8000-000000000000").await {
        for (value, status) in [("", 422), ("7", 422), ("a,b", 422), ("00000000-0000-7000-8000-000000000000", 404)] {
            let mut request = world.request(ann, "read write", method.clone(), &path).header("X-Account-ID", value);
            if let Some(body) = body(&method, &path) {
                request = request.json(&body);
            }
            Answer::of(request).await.is_problem(status, &format!("{method} {path} for account {value:?}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_are_told_and_change_nothing() {
    let (world, ann) = World::with_account(0).await;
    let before = world.digest().await;
    let table = [
        (json!([]), "body"),
        (json!(null), "body"),
        (json!("x"), "body"),
        (json!({"force_full_sync": 1}), "force_full_sync"),
        (json!({"force_full_sync": null}), "force_full_sync"),
        (json!({"max_results": 0}), "max_results"),
        (json!({"max_results": 5_001}), "max_results"),
        (json!({"max_results": -1}), "max_results"),
        (json!({"max_results": 1.5}), "max_results"),
        (json!({"max_results": "5"}), "max_results"),
        (json!({"max_results": 1_e30}), "max_results"),
        (json!({"user_email": ANN}), "user_email"),
    ];
    for (body, field) in table {
        let answer = world.post(&ann, "/gmail/sync", Some(body.clone())).await;
        answer.is_problem(422, &body.to_string());
        assert_eq!(answer.body["errors"][0]["field"], field, "{body}: {}", answer.text());
    }
    let post = |kind: Option<&str>, body: Vec<u8>| {
        let request = world.request(&ann, "write", Method::POST, "/gmail/sync").body(body);
        Answer::of(if let Some(kind) = kind { request.header("content-type", kind) } else { request })
    };
    let json = Some("application/json");
    for body in ["", "{", "{\"max_results\":1} x", "max_results=1", "\0", "{\"max_results\":\"\\ud800\"}"] {
        post(json, body.into()).await.is_problem(400, body);
    }
    post(json, b"{\"force_full_sync\":\xff}".to_vec()).await.is_problem(400, "not UTF-8");
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        post(kind, b"{}".to_vec()).await.is_problem(415, kind.unwrap_or("no content type"));
    }
    post(json, vec![b' '; 1024 * 1024 + 1]).await.is_problem(413, "large");
    assert_eq!(world.digest().await, before);
}
