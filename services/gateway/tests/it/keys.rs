//! API keys, the tokens made from them, and the log of what administrators and keys did.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_domain::{MockClock, SystemClock};
use postrider_gateway::store::{SPEC, migrations};
use postrider_testing::db::TestDb;
use postrider_web::Scopes;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Gateway, claims_of, only, token, token_by};

const KEYS: &str = "/api/v1/api-keys";

/// A gateway with a database.
pub async fn with_database() -> (Gateway, TestDb) {
    let db = TestDb::fresh(SPEC, migrations).await;
    let gateway = Gateway::start_on(db.url.clone(), Arc::new(SystemClock), |config| config).await;
    (gateway, db)
}

async fn post(gateway: &Gateway, path: &str, bearer: &str, body: Value) -> Response {
    gateway.request(Method::POST, path).bearer_auth(bearer).json(&body).send().await.unwrap()
}

async fn get(gateway: &Gateway, path: &str, bearer: &str) -> Response {
    gateway.request(Method::GET, path).bearer_auth(bearer).send().await.unwrap()
}

/// The id and the key.
async fn made(gateway: &Gateway, bearer: &str, body: Value) -> (String, String) {
    let answer = post(gateway, KEYS, bearer, body).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let answer: Value = answer.json().await.unwrap();
    (answer["id"].as_str().unwrap().to_owned(), answer["key"].as_str().unwrap().to_owned())
}

async fn refused(answer: Response, status: u16, code: &str) -> Value {
    assert_eq!(answer.status().as_u16(), status);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], code, "{problem}");
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_user_until_it_is_deleted() {
    let (gateway, _db) = with_database().await;
    let ann = token(json!({}));
    let (id, key) = made(&gateway, &ann, json!({"name": "cron", "scopes": ["read"]})).await;
    assert!(key.starts_with("prk_") && key.len() == 47);
    let answer = get(&gateway, "/api/v1/emails", &key).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("ratelimit-remaining"));
    let claims = claims_of(&only(&gateway.services.sync_worker).await, "sync-worker");
    assert_eq!((claims.tenant.unwrap().as_str(), claims.user.unwrap().as_str()), ("acme", "ann"));
    assert_eq!(claims.scopes, Scopes::parse("read"));
    let listed: Value = get(&gateway, KEYS, &ann).await.json().await.unwrap();
    let row = &listed["data"][0];
    assert_eq!((&row["id"], &row["name"], &row["scopes"]), (&json!(id), &json!("cron"), &json!(["read"])));
    assert!(key.starts_with(row["hint"].as_str().unwrap()) && !listed.to_string().contains(&key));
    assert!(row["last_used_at"].is_string(), "{row}");
    // A key that may only read deletes nothing, and nobody's key is anybody else's.
    let delete = |bearer: &str| gateway.request(Method::DELETE, &format!("{KEYS}/{id}")).bearer_auth(bearer).send();
    refused(delete(&key).await.unwrap(), 403, "insufficient_scope").await;
    for other in [token(json!({"sub": "bob"})), token(json!({"tenant_id": "other"}))] {
        refused(delete(&other).await.unwrap(), 404, "not_found").await;
        let theirs: Value = get(&gateway, KEYS, &other).await.json().await.unwrap();
        assert_eq!(theirs["data"], json!([]));
    }
    assert_eq!(delete(&ann).await.unwrap().status(), 204);
    refused(get(&gateway, "/api/v1/emails", &key).await, 401, "unauthorized").await;
    refused(delete(&ann).await.unwrap(), 404, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_no_more_than_its_maker_and_makes_no_other() {
    let (gateway, _db) = with_database().await;
    let ann = token(json!({"scope": "read write"}));
    let (_, key) = made(&gateway, &ann, json!({"name": "both"})).await;
    refused(post(&gateway, KEYS, &key, json!({"name": "more"})).await, 403, "token_required").await;
    // Nor does a token made from one, which makes no further tokens either.
    let issued: Value = post(&gateway, "/api/v1/tokens", &key, json!({})).await.json().await.unwrap();
    let issued = issued["token"].as_str().unwrap();
    refused(post(&gateway, KEYS, issued, json!({"name": "more"})).await, 403, "token_required").await;
    refused(post(&gateway, "/api/v1/tokens", issued, json!({})).await, 403, "api_key_required").await;
    let reader = token(json!({"scope": "read"}));
    refused(post(&gateway, KEYS, &reader, json!({"name": "x"})).await, 403, "insufficient_scope").await;
    let long = "x".repeat(101);
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": " "}), "name"),
        (json!({"name": long}), "name"),
        (json!({"name": "a\u{7}"}), "name"),
        (json!({"name": "x", "scopes": ["admin"]}), "scopes"),
        (json!({"name": "x", "scopes": ["everything"]}), "scopes"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
        (json!({"name": "x", "expires_at": "soon"}), "expires_at"),
        (json!({"name": "x", "expires_at": "+99999-01-01T00:00:00Z"}), "expires_at"),
        (json!({"name": "x", "more": 1}), "more"),
    ] {
        let problem = refused(post(&gateway, KEYS, &ann, body.clone()).await, 422, "invalid_request").await;
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    refused(get(&gateway, &format!("{KEYS}?limit=0"), &ann).await, 422, "invalid_request").await;
    refused(get(&gateway, &format!("{KEYS}?cursor=x"), &ann).await, 422, "invalid_request").await;
    let malformed = gateway.request(Method::DELETE, &format!("{KEYS}/7")).bearer_auth(&ann).send().await.unwrap();
    refused(malformed, 404, "not_found").await;
    let listed: Value = get(&gateway, KEYS, &ann).await.json().await.unwrap();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_keys_are_the_most_and_lists_go_on() {
    let (gateway, _db) = with_database().await;
    let ann = token(json!({}));
    for n in 0..50 {
        made(&gateway, &ann, json!({"name": format!("key {n}")})).await;
    }
    refused(post(&gateway, KEYS, &ann, json!({"name": "one more"})).await, 409, "too_many_api_keys").await;
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Value = get(&gateway, &format!("{KEYS}?limit=20{cursor}"), &ann).await.json().await.unwrap();
        names.extend(page["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names, (0..50).map(|n| format!("key {n}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_at_its_time_and_what_is_no_key_costs_its_address() {
    let db = TestDb::fresh(SPEC, migrations).await;
    let clock = MockClock::default();
    let gateway = Gateway::start_on(db.url.clone(), Arc::new(clock.clone()), |config| config).await;
    let end = postrider_domain::Clock::now(&clock) + TimeDelta::hours(1);
    let (_, key) = made(&gateway, &token_by(&clock, json!({})), json!({"name": "x", "expires_at": end})).await;
    assert_eq!(get(&gateway, "/api/v1/emails", &key).await.status(), 200);
    clock.advance(TimeDelta::hours(1));
    refused(get(&gateway, "/api/v1/emails", &key).await, 401, "unauthorized").await;
    let none = format!("prk_{}", "a".repeat(43));
    let mut answers = Vec::new();
    for n in 0..60 {
        let bearer = if n % 2 == 0 { none.as_str() } else { "prk_short" };
        answers.push(get(&gateway, "/api/v1/emails", bearer).await.status());
    }
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count(), 59);
    assert_eq!(answers.last(), Some(&StatusCode::TOO_MANY_REQUESTS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_becomes_a_token_of_fifteen_minutes() {
    let (gateway, _db) = with_database().await;
    let ann = token(json!({}));
    let (_, key) = made(&gateway, &ann, json!({"name": "page", "scopes": ["read"]})).await;
    let answer: Value = post(&gateway, "/api/v1/tokens", &key, json!({})).await.json().await.unwrap();
    let token = answer["token"].as_str().unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert_eq!(get(&gateway, "/api/v1/emails", token).await.status(), 200);
    let claims = claims_of(&only(&gateway.services.sync_worker).await, "sync-worker");
    assert_eq!((claims.user.unwrap().as_str(), claims.scopes), ("ann", Scopes::parse("read")));
    refused(post(&gateway, "/api/v1/tokens", &ann, json!({})).await, 403, "api_key_required").await;
}

/// What is made in somebody's name must not forget who asked.
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_makes_no_token_and_no_second_administrator_of_somebody() {
    let (gateway, _db) = with_database().await;
    let admin = token(json!({"sub": "root", "scope": "read write tenant:admin"}));
    let (_, key) = made(&gateway, &admin, json!({"name": "all", "scopes": ["write", "tenant:admin"]})).await;
    let as_bob = |path: &str, bearer: &str, body: Value| {
        gateway.request(Method::POST, path).bearer_auth(bearer).header("x-user-id", "bob").json(&body).send()
    };
    refused(as_bob("/api/v1/tokens", &key, json!({})).await.unwrap(), 403, "forbidden").await;
    for scopes in [json!(["tenant:admin"]), json!(["read", "admin"])] {
        let answer = as_bob(KEYS, &admin, json!({"name": "x", "scopes": scopes})).await.unwrap();
        let problem = refused(answer, 422, "invalid_request").await;
        assert_eq!(problem["errors"][0]["field"], "scopes");
    }
    assert_eq!(as_bob(KEYS, &admin, json!({"name": "x", "scopes": ["read"]})).await.unwrap().status(), 201);
}

/// As after a kill -9 between commit and answer: nobody got the key that the first request made.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_for_a_key_gives_one_key_that_works() {
    let (gateway, db) = with_database().await;
    let ann = token(json!({}));
    let create = || {
        let request = gateway.request(Method::POST, KEYS).bearer_auth(&ann).header("idempotency-key", "k");
        request.json(&json!({"name": "x"})).send()
    };
    assert_eq!(create().await.unwrap().status(), 201);
    let lost = "UPDATE gateway.idempotency_keys SET answer_sealed = NULL, claimed_until = clock_timestamp()";
    assert_eq!(postrider_storage::sql(lost).execute(&db.admin().await).await.unwrap(), 1);
    let again = create().await.unwrap();
    assert_eq!(again.status(), 201);
    let again: Value = again.json().await.unwrap();
    assert_eq!(get(&gateway, "/api/v1/emails", again["key"].as_str().unwrap()).await.status(), 200);
    let listed: Value = get(&gateway, KEYS, &ann).await.json().await.unwrap();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_in_anothers_name_and_with_keys_is_written_down() {
    let (gateway, _db) = with_database().await;
    let admin = token(json!({"sub": "root", "scope": "read write tenant:admin"}));
    let as_bob = |method, path: &str| gateway.request(method, path).bearer_auth(&admin).header("x-user-id", "bob");
    assert_eq!(as_bob(Method::GET, "/api/v1/emails?q=secret").send().await.unwrap().status(), 200);
    let (id, _) = made(&gateway, &token(json!({"sub": "bob"})), json!({"name": "x"})).await;
    let bob = token(json!({"sub": "bob", "scope": "admin"}));
    let log: Value = get(&gateway, "/api/v1/audit-log", &bob).await.json().await.unwrap();
    let told =
        |entry: &Value| [&entry["action"], &entry["actor"], &entry["user_id"], &entry["target"]].map(Value::clone);
    let entries: Vec<_> = log["data"].as_array().unwrap().iter().map(told).collect();
    let wanted = [
        [json!("api_key.created"), json!("bob"), json!("bob"), json!(id)],
        [json!("acted_for"), json!("root"), json!("bob"), json!("GET /api/v1/emails")],
    ];
    assert_eq!(entries, wanted);
    assert!(!log.to_string().contains("secret"));
    // An administrator of the tenant sees everybody's, page by page; another tenant's sees none of it.
    let first: Value = get(&gateway, "/api/v1/audit-log?limit=1", &admin).await.json().await.unwrap();
    let next = first["next_cursor"].as_str().unwrap();
    let second: Value = get(&gateway, &format!("/api/v1/audit-log?cursor={next}"), &admin).await.json().await.unwrap();
    assert_eq!([told(&first["data"][0]), told(&second["data"][0])], wanted);
    let other = token(json!({"tenant_id": "other", "scope": "admin tenant:admin"}));
    let theirs: Value = get(&gateway, "/api/v1/audit-log", &other).await.json().await.unwrap();
    assert_eq!(theirs["data"], json!([]));
    for scope in ["read", "read write"] {
        let answer = get(&gateway, "/api/v1/audit-log", &token(json!({"scope": scope}))).await;
        refused(answer, 403, "insufficient_scope").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_by_which_others_connect_accounts_are_written_down() {
    let (gateway, _db) = with_database().await;
    let ann = token(json!({"scope": "read write admin"}));
    let link = "0197a000-0000-7000-8000-000000000001";
    let asked = post(&gateway, "/api/v1/connect-links", &ann, json!({"user_id": "bob"})).await;
    assert_eq!(asked.status(), 200);
    get(&gateway, "/api/v1/connect-links", &ann).await;
    let revoked = gateway.request(Method::DELETE, &format!("/api/v1/connect-links/{link}")).bearer_auth(&ann);
    assert_eq!(revoked.send().await.unwrap().status(), 200);
    // What is no id revokes nothing and leaves no entry.
    let path = format!("/api/v1/connect-links/{}", "x".repeat(1_000));
    gateway.request(Method::DELETE, &path).bearer_auth(&ann).send().await.unwrap();
    let log: Value = get(&gateway, "/api/v1/audit-log", &ann).await.json().await.unwrap();
    let told = |entry: &Value| [&entry["action"], &entry["actor"], &entry["target"]].map(Value::clone);
    let entries: Vec<_> = log["data"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(
        entries,
        [
            [json!("connect_link.revoked"), json!("ann"), json!(link)],
            [json!("connect_link.asked"), json!("ann"), json!("/api/v1/connect-links")],
        ]
    );
}

/// What must be written down is not done when it cannot be; callers with tokens do not notice.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_tokens_work_and_the_rest_says_so() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.get("/api/v1/emails").await.status(), 200);
    let admin = token(json!({"scope": "read tenant:admin"}));
    let request = gateway.request(Method::GET, "/api/connectors").bearer_auth(admin).header("x-user-id", "bob");
    refused(request.send().await.unwrap(), 503, "database_unavailable").await;
    assert!(gateway.services.connector.received_requests().await.unwrap().is_empty());
    let key = format!("prk_{}", "a".repeat(43));
    refused(get(&gateway, "/api/v1/emails", &key).await, 503, "database_unavailable").await;
}
