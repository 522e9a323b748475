//! Pulling events over HTTP gives what the source has.

use std::time::Duration;

use async_trait::async_trait;
use postrider_contracts::{Envelope, Position, TraceContext};
use postrider_domain::{ConnectorId, EventId, MockClock, TenantId, Timestamp, UserId};
use postrider_events::http::HttpEventSource;
use postrider_events::streams::{EventSource, PullError, StreamHead};
use postrider_testing::server::{TestServer, http, problem, tokens};
use postrider_web::{Health, ServiceClient, Timeouts};
use url::Url;
use uuid::Uuid;

/// A producer in memory; the stream `down` stands for its database being away.
struct Fake;

fn now() -> Timestamp {
    postrider_domain::Clock::now(&MockClock::default())
}

fn event(stream: &str, seq: i64) -> Envelope {
    Envelope {
        id: EventId(Uuid::from_u128(seq as u128)),
        event_type: "email.received.v1".to_owned(),
        source: "sync-worker".to_owned(),
        time: now(),
        trace: Some(TraceContext { trace_id: 7, span_id: 9, sampled: true }),
        tenant: Some(TenantId::parse("acmé & co").unwrap()),
        user: Some(UserId::parse("ann").unwrap()),
        connector: Some(ConnectorId(Uuid::from_u128(5))),
        position: Some(Position { stream: stream.to_owned(), seq }),
        payload: vec![0, 255, 10, seq as u8].into(),
    }
}

fn bare() -> Envelope {
    Envelope { trace: None, tenant: None, user: None, connector: None, position: None, ..event("x", 1) }
}

#[async_trait]
impl EventSource for Fake {
    async fn events(&self, stream: &str, after: i64, limit: usize) -> Result<Vec<Envelope>, PullError> {
        match stream {
            "down" => Err(PullError("no connection to 10.0.0.7".to_owned())),
            "bare" => Ok(vec![bare()]),
            _ => Ok((after + 1..=10).take(limit).map(|seq| event(stream, seq)).collect()),
        }
    }

    async fn changed_since(&self, since: Timestamp, limit: usize) -> Result<Vec<StreamHead>, PullError> {
        let head = |n| StreamHead { stream: format!("mailbox/{n}"), head: n, updated_at: since };
        Ok((1..=3).take(limit).map(head).collect())
    }
}

fn server() -> TestServer {
    TestServer::start(4_096, Health::new(), postrider_events::http::routes(Fake))
}

fn token(caller: &str) -> String {
    tokens(caller).issue("connector", Default::default()).unwrap().expose().to_owned()
}

fn source(server: &TestServer) -> HttpEventSource {
    let timeouts = Timeouts { connect: Duration::from_secs(2), total: Duration::from_secs(5) };
    HttpEventSource::new(ServiceClient::new(
        "connector",
        Url::parse(&server.url("/")).unwrap(),
        tokens("sync-worker"),
        timeouts,
    ))
}

#[tokio::test]
async fn events_come_back_as_they_are() {
    let server = server();
    let source = source(&server);
    let events = source.events("mailbox/a b&c", 3, 4).await.unwrap();
    assert_eq!(events, (4..=7).map(|seq| event("mailbox/a b&c", seq)).collect::<Vec<_>>());
    assert_eq!(source.events("bare", 0, 500).await.unwrap(), [bare()]);
    let heads = source.changed_since(now(), 2).await.unwrap();
    assert_eq!(
        heads.iter().map(|head| (head.stream.as_str(), head.head, head.updated_at)).collect::<Vec<_>>(),
        [("mailbox/1", 1, now()), ("mailbox/2", 2, now())]
    );
}

#[tokio::test]
async fn a_source_that_is_down_is_503_without_its_reason() {
    let server = server();
    let error = source(&server).events("down", 0, 1).await.unwrap_err();
    assert!(error.to_string().contains("503"), "{error}");
    let request = http().get(server.url("/internal/events?stream=down")).bearer_auth(token("gateway"));
    let document = problem(request.send().await.unwrap(), 503, "unavailable").await;
    assert!(!document.to_string().contains("10.0.0.7"), "{document}");
}

#[tokio::test]
async fn only_services_may_ask_and_only_for_what_there_is() {
    let server = server();
    problem(http().get(server.url("/internal/events?stream=a")).send().await.unwrap(), 401, "unauthorized").await;
    let long = format!("/internal/events?stream={}", "x".repeat(300));
    for path in [
        "/internal/events",
        "/internal/events?stream=",
        "/internal/events?stream=a%00b",
        "/internal/events?stream=a&after=-1",
        "/internal/events?stream=a&limit=0",
        "/internal/events?stream=a&limit=501",
        "/internal/events?stream=a&tenant=b",
        "/internal/streams",
        "/internal/streams?changed_since=yesterday",
        "/internal/streams?changed_since=2026-01-01T00:00:00Z&limit=-1",
        &long,
    ] {
        let request = http().get(server.url(path)).bearer_auth(token("sync-worker"));
        problem(request.send().await.unwrap(), 422, "invalid_request").await;
    }
}
