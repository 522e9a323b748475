//! Who passes, as whom.

use std::sync::Arc;

use postrider_domain::SystemClock;
use postrider_web::service_tokens::TOKEN_HEADER;
use postrider_web::{Scope, Scopes};
use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Gateway, claims_of, only, token, verified, with_method};
use crate::keys::with_database;

#[tokio::test]
async fn a_caller_reaches_the_service_with_an_internal_token_in_place_of_its_own() {
    let gateway = Gateway::start().await;
    let request = gateway.request(Method::GET, "/api/v1/emails?limit=5&q=a%20b").bearer_auth(token(json!({})));
    let request = request.header("x-tenant-id", "acme").header("x-user-id", "ann").header("x-account-id", "0199");
    let request = request.header("x-request-id", "forged").header("x-forwarded-for", "6.6.6.6");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let request_id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let seen = only(&gateway.services.sync_worker).await;
    assert_eq!((seen.url.path(), seen.url.query()), ("/api/v1/emails", Some("limit=5&q=a%20b")));
    let claims = claims_of(&seen, "sync-worker");
    assert_eq!((claims.tenant.unwrap().as_str(), claims.user.unwrap().as_str()), ("acme", "ann"));
    assert_eq!((claims.scopes, claims.request_id.as_str()), (Scopes::read_write(), request_id.as_str()));
    assert_eq!(seen.headers["x-request-id"], request_id.as_str());
    assert!(seen.headers.contains_key("traceparent") && seen.headers["x-account-id"] == "0199");
    assert!(!seen.headers.contains_key("x-tenant-id") && !seen.headers.contains_key("x-user-id"));
    assert_eq!(seen.headers["x-forwarded-for"], "127.0.0.1");
    assert_ne!(request_id, "forged");
}

#[tokio::test]
async fn wrong_and_absent_tokens_are_401_and_reach_nobody() {
    let gateway = Gateway::start().await;
    let expired = token(json!({"exp": 1_000}));
    let no_tenant = token(json!({"tenant_id": null}));
    let tokens = [None, Some("nonsense"), Some(expired.as_str()), Some(no_tenant.as_str())];
    for token in tokens {
        let mut request = gateway.request(Method::GET, "/api/connectors");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401, "{token:?}");
        assert!(answer.headers().contains_key("www-authenticate"));
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "unauthorized");
    }
    let twice = gateway.request(Method::GET, "/api/connectors").bearer_auth(token(json!({}))).bearer_auth("other");
    assert_eq!(twice.send().await.unwrap().status(), 401);
    assert!(gateway.services.connector.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn identity_headers_may_only_repeat_the_token() {
    let gateway = Gateway::start().await;
    for (name, value) in [("x-tenant-id", "other"), ("x-user-id", "bob"), ("x-tenant-id", ""), ("x-user-id", "Ann")] {
        let request =
            gateway.request(Method::GET, "/api/connectors").bearer_auth(token(json!({"scope": "read admin"})));
        assert_eq!(request.header(name, value).send().await.unwrap().status(), 403, "{name}: {value}");
    }
    assert!(gateway.services.connector.received_requests().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_administrator_acts_for_a_user_of_its_tenant() {
    let (gateway, _db) = with_database().await;
    let admin = || token(json!({"scope": "read tenant:admin"}));
    let request = gateway.request(Method::GET, "/api/connectors").bearer_auth(admin());
    assert_eq!(request.header("x-user-id", "bob").send().await.unwrap().status(), 200);
    let claims = claims_of(&only(&gateway.services.connector).await, "connector");
    assert_eq!((claims.tenant.unwrap().as_str(), claims.user.unwrap().as_str()), ("acme", "bob"));
    assert!(claims.scopes.allows(Scope::TenantAdmin) && !claims.scopes.allows(Scope::Write));
    let other = gateway.request(Method::GET, "/api/connectors").bearer_auth(admin());
    assert_eq!(other.header("x-tenant-id", "other").send().await.unwrap().status(), 403);
}

/// A service whose clock differs from ours says so; the caller is told that it is not its fault.
#[tokio::test]
async fn clocks_that_differ_are_503_and_other_refusals_of_our_own_token_are_500() {
    let gateway = Gateway::start().await;
    let refuses = |code: &str| {
        let problem = json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "code": code,
            "detail": "by the clock of connector, gateway made the token 300 s ago"});
        ResponseTemplate::new(401).set_body_json(problem)
    };
    let services = &gateway.services;
    for (server, path, code, status, told) in [
        (&services.connector, "/api/connectors", "clock_drift", 503, "clock_drift"),
        (&services.sync_worker, "/api/v1/emails", "unauthorized", 500, "internal_error"),
    ] {
        Mock::given(any()).respond_with(refuses(code)).with_priority(1).mount(server).await;
        let answer = gateway.get(path).await;
        assert_eq!(answer.status(), status, "{code}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], told);
        assert!(!problem.to_string().contains("300 s"), "{problem}");
    }
}

#[tokio::test]
async fn open_routes_need_no_token_and_pass_none_on() {
    let gateway = Gateway::start().await;
    let request = gateway.request(Method::GET, "/gmail/auth/callback?state=s&code=c").header("cookie", "start=1");
    assert_eq!(request.bearer_auth("whatever").send().await.unwrap().status(), 200);
    let seen = only(&gateway.services.connector).await;
    assert!(!seen.headers.contains_key("authorization"));
    assert_eq!(seen.headers["cookie"], "start=1");
}

/// What the service takes the request's id from, so that its problems have the id the client is told.
#[tokio::test]
async fn routes_without_a_caller_have_one_request_id_inside_and_outside() {
    let gateway = Gateway::start().await;
    let open = gateway.request(Method::GET, "/api/system/info");
    let push = gateway.request(Method::POST, "/api/email/webhook/google/pubsub").bearer_auth("google's").body("{}");
    let services = &gateway.services;
    for (request, server, name) in
        [(open, &services.connector, "connector"), (push, &services.ingest, "ingest-webhook")]
    {
        let answer = request.header(TOKEN_HEADER, "forged").send().await.unwrap();
        let seen = only(server).await;
        assert_eq!(seen.headers["x-request-id"], answer.headers()["x-request-id"]);
        let tokens: Vec<_> = seen.headers.get_all(TOKEN_HEADER).iter().collect();
        let [token] = tokens.as_slice() else { panic!("{tokens:?}") };
        let claims = verified(token.to_str().unwrap(), name, Arc::new(SystemClock)).claims;
        assert_eq!((claims.tenant, claims.user, claims.scopes), (None, None, Scopes::default()));
    }
}

#[tokio::test]
async fn intake_keeps_its_senders_token() {
    let gateway = Gateway::start().await;
    for path in ["/api/email/webhook/google/pubsub", "/api/email/webhook/google", "/api/v1/gmail/watch/webhook"] {
        let push = gateway.request(Method::POST, path).bearer_auth("google's").header("x-goog-channel-id", "c");
        assert_eq!(push.body("{}").send().await.unwrap().status(), 200);
    }
    let seen = with_method(&gateway.services.ingest, "POST").await;
    assert_eq!(seen.len(), 3);
    for seen in seen {
        assert_eq!(seen.headers["authorization"], "Bearer google's");
        assert_eq!(seen.headers["x-goog-channel-id"], "c");
    }
}

#[tokio::test]
async fn a_push_without_any_proof_is_refused_here() {
    let gateway = Gateway::start().await;
    let push = |path| gateway.request(Method::POST, path).body("{}");
    let answer = push("/api/email/webhook/google/pubsub").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("www-authenticate"));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "unauthorized");
    let notice = push("/api/v1/gmail/watch/webhook").header("x-goog-channel-id", "c");
    assert_eq!(notice.send().await.unwrap().status(), 200);
    assert_eq!(only(&gateway.services.ingest).await.headers["x-goog-channel-id"], "c");
}
