//! Service to service.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::{Clock as _, Entropy, MockClock, SystemClock};
use postrider_testing::server::keys;
use postrider_web::{Call, ClientError, InternalTokens, ServiceClient, Timeouts};
use serde_json::{Value, json};
use url::Url;

use crate::harness::{Thing, claims, start, tokens};

fn client(base: &str, caller: &str) -> ServiceClient {
    let timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_millis(300) };
    ServiceClient::new("connector", Url::parse(base).unwrap(), tokens(caller), timeouts)
}

fn call() -> Call {
    let entropy: &dyn Entropy = &postrider_domain::OsEntropy;
    Call { claims: claims(), trace: Some(postrider_contracts::TraceContext::start(entropy)) }
}

#[tokio::test]
async fn token_request_id_and_trace_travel_with_the_call() {
    let server = start();
    let (client, call) = (client(&server.url("/"), "gateway"), call());
    let thing = Thing { name: "a".into(), size: 3 };
    let answer: Value = client.post(&call, "/internal/echo", &thing).await.unwrap();
    let traceparent = call.trace.unwrap().to_string();
    assert_eq!(answer, json!({ "thing": { "name": "a", "size": 3 }, "headers": ["request-7", traceparent] }));
    let answer: Value = client.get(&call, "things", &[("limit", "9")]).await.unwrap();
    assert_eq!(answer["limit"], 9);
    client.get::<()>(&call, "/fails/not", &()).await.unwrap();
}

#[tokio::test]
async fn each_failure_has_its_kind() {
    let server = start();
    let (client, call) = (client(&server.url(""), "gateway"), call());
    let get = async |path: &str| client.get::<Value>(&call, path, &()).await.unwrap_err();
    let conflict = get("/fails/conflict").await;
    assert_eq!(conflict.code(), Some("account_ambiguous"));
    let ClientError::Status { status: 409, problem } = conflict else { panic!("another kind") };
    assert_eq!(problem.extensions["accounts"], json!(["a", "b"]));
    assert_eq!(get("/slow").await, ClientError::Timeout);
    assert!(matches!(get("/fails/huge").await, ClientError::TooLarge { .. } | ClientError::Timeout));
    let html = get("/fails/text").await;
    assert!(matches!(&html, ClientError::Status { status: 502, .. }) && html.is_transient(), "{html}");
}

#[tokio::test]
async fn a_callee_that_is_away_or_has_no_key_is_told_apart() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let error = client(&format!("http://{gone}"), "gateway").get::<Value>(&call(), "/x", &()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Unavailable(_)) && error.is_transient(), "{error}");
    assert_eq!(postrider_web::Problem::from(error).status.as_u16(), 503);
    let error = client(&format!("http://{gone}"), "notification").get::<Value>(&call(), "/x", &()).await.unwrap_err();
    assert!(error.to_string().contains("notification>connector"), "{error}");
}

/// What machines whose clocks have drifted apart are told, on both sides.
#[tokio::test]
async fn clocks_that_differ_too_much_are_named_with_their_remedy() {
    let server = start();
    let client = |drift: i64| {
        let clock = MockClock::at(SystemClock.now() + TimeDelta::seconds(drift));
        let tokens = InternalTokens::new(keys(), "gateway", Arc::new(clock));
        ServiceClient::new("connector", Url::parse(&server.url("/")).unwrap(), tokens, Timeouts::default())
    };
    let thing = Thing { name: "a".into(), size: 3 };
    for drift in [-30, 30] {
        client(drift).post::<Value>(&call(), "/internal/echo", &thing).await.unwrap();
    }
    for drift in [-300, 300] {
        let error = client(drift).post::<Value>(&call(), "/internal/echo", &thing).await.unwrap_err();
        assert_eq!((error.code(), error.is_transient()), (Some("clock_drift"), true), "{error}");
        for word in ["gateway", "connector", "clocks", "NTP"] {
            assert!(error.to_string().contains(word), "{word}: {error}");
        }
        assert_eq!(postrider_web::Problem::from(error).status.as_u16(), 503);
    }
}
