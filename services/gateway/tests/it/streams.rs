//! Answers without an end.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Gateway, only, token};

const WAIT: Duration = Duration::from_secs(20);

/// A service that begins a stream of events and keeps it open.
#[expect(clippy::disallowed_methods, reason = "the service lives as long as the test")]
async fn streaming() -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _read = stream.read(&mut request).await;
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
                let _gone = stream.write_all(format!("{head}9\r\ndata: 1\n\n\r\n").as_bytes()).await;
                // Until the gateway lets go.
                let _closed = stream.read(&mut request).await;
            });
        }
    });
    url
}

/// Nothing else would end it: the stop would wait for its deadline and cut all streams at once.
#[tokio::test]
async fn a_stream_of_events_leaves_at_the_soft_stop() {
    let connector = streaming().await;
    let gateway = Gateway::start_with(|mut config| {
        config.upstreams.connector = connector;
        config
    })
    .await;
    let request = gateway.request(Method::GET, "/api/connectors").bearer_auth(token(json!({})));
    let mut events = request.send().await.unwrap().bytes_stream();
    assert_eq!(events.next().await.unwrap().unwrap(), "data: 1\n\n");
    gateway.cx.shutdown.stop_softly();
    let end = tokio::time::timeout(WAIT, events.next()).await.expect("the stream ends");
    assert!(end.is_none(), "it ends whole: {end:?}");
    let joined = tokio::task::spawn_blocking(move || gateway.join());
    tokio::time::timeout(WAIT, joined).await.unwrap().unwrap();
}

/// A browser opens a stream without headers of its own.
#[tokio::test]
async fn a_ticket_passes_in_a_tokens_place_on_the_stream_alone_and_vouches_for_nobody() {
    let gateway = Gateway::start().await;
    let notification = &gateway.services.notification;
    Mock::given(path("/api/v1/events/stream")).respond_with(ResponseTemplate::new(200)).mount(notification).await;
    let stream = |query: &str| gateway.request(Method::GET, &format!("/api/v1/events/stream{query}"));
    for query in ["", "?cursor=x", "?xticket=y"] {
        assert_eq!(stream(query).send().await.unwrap().status(), 401, "{query}");
    }
    for other in ["/api/v1/events?ticket=x", "/api/notifications?ticket=x"] {
        assert_eq!(gateway.request(Method::GET, other).send().await.unwrap().status(), 401, "{other}");
    }
    assert_eq!(stream("?ticket=x").send().await.unwrap().status(), 200);
    let sent = only(notification).await;
    assert_eq!((sent.url.query(), sent.headers.contains_key("authorization")), (Some("ticket=x"), false));
    // A token that is there is looked at, ticket or not.
    assert_eq!(stream("?ticket=x").bearer_auth("forged").send().await.unwrap().status(), 401);
    assert_eq!(stream("?cursor=x").bearer_auth(token(json!({}))).send().await.unwrap().status(), 200);
}
