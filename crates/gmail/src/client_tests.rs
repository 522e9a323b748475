//! The client against a server that answers as Gmail does, and as it does on a bad day.

use std::sync::Mutex;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE;
use chrono::TimeDelta;
use postrider_domain::{Clock, LabelId, MockClock, Secret};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::super::{AccessToken, GmailMetrics, LimitKind, Memory, Part, TokenError, TransportConfig};
use super::*;

/// Hands out `token-<version>`; asked for a newer one, it refreshes, unless the grant is gone.
#[derive(Default)]
struct Tokens {
    version: Mutex<i64>,
    gone: bool,
}

#[async_trait]
impl TokenSource for Tokens {
    async fn token(&self, newer_than: Option<i64>) -> Result<AccessToken, TokenError> {
        let mut version = self.version.lock().unwrap();
        if newer_than.is_some_and(|than| than >= *version) {
            if self.gone {
                return Err(TokenError::ReauthRequired);
            }
            *version += 1;
        }
        let secret = Secret::new(format!("token-{version}"));
        Ok(AccessToken { secret, expires_at: MockClock::default().now(), version: *version })
    }
}

fn client_for(root: &str, tokens: Tokens, change: impl Fn(&mut TransportConfig)) -> GmailClient {
    let mut config = TransportConfig::new(root.parse().unwrap());
    change(&mut config);
    let metrics = GmailMetrics::register(&prometheus::Registry::new()).unwrap();
    let transport = GmailTransport::new(config, Arc::new(MockClock::default()), metrics).unwrap();
    GmailClient::new(ConnectorId(Uuid::from_u128(7)), transport, Arc::new(tokens)).unwrap()
}

fn room() -> Room {
    Memory::default().room(Part::Live)
}

async fn set_up() -> (MockServer, GmailClient) {
    let server = MockServer::start().await;
    let client = client_for(&server.uri(), Tokens::default(), |_| {});
    (server, client)
}

async fn answer(server: &MockServer, at: &str, status: u16, body: Value) {
    let at = format!("/gmail/v1/users/me/{at}");
    Mock::given(path(at)).respond_with(ResponseTemplate::new(status).set_body_json(body)).mount(server).await;
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

#[tokio::test]
async fn profile_labels_watch_and_stop() {
    let (server, client) = set_up().await;
    answer(
        &server,
        "profile",
        200,
        json!({"emailAddress": "a@b.example", "messagesTotal": 3, "threadsTotal": 2,
        "historyId": "900"}),
    )
    .await;
    answer(
        &server,
        "labels",
        200,
        json!({"labels": [{"id": "INBOX", "name": "INBOX", "type": "system"},
        {"id": "Label_1", "name": "Work/Bills", "type": "user"}, {"name": "no id"}]}),
    )
    .await;
    answer(&server, "watch", 200, json!({"historyId": "901", "expiration": "1767830400000"})).await;
    answer(&server, "stop", 204, json!(null)).await;

    let profile = client.profile().await.unwrap();
    assert_eq!((profile.history_id, profile.messages_total), (HistoryId(900), 3));
    let labels = client.labels().await.unwrap();
    assert_eq!((labels.len(), labels[1].name.as_str()), (2, "Work/Bills"));
    let watch = client.watch(&WatchRequest { topic: "projects/p/topics/t".to_owned() }).await.unwrap();
    assert_eq!(watch.expires_at.to_rfc3339(), "2026-01-08T00:00:00+00:00");
    client.stop().await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let sent: Value =
        requests.iter().find(|request| request.url.path().ends_with("watch")).unwrap().body_json().unwrap();
    assert_eq!(sent["topicName"], "projects/p/topics/t");
    assert_eq!(client.transport.metrics().last_calls(), (Some(MockClock::default().now()), None));
}

#[tokio::test]
async fn listings_page_and_filter() {
    let (server, client) = set_up().await;
    Mock::given(method("GET"))
        .and(path("/gmail/v1/users/me/messages"))
        .and(query_param("maxResults", "500"))
        .and(query_param("includeSpamTrash", "true"))
        .and(query_param("labelIds", "Label_1"))
        .and(query_param_is_missing("pageToken"))
        .and(query_param_is_missing("q"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"messages": [{"id": "m1", "threadId": "t1"}],
            "nextPageToken": "p2", "resultSizeEstimate": 201})))
        .mount(&server)
        .await;
    Mock::given(query_param("pageToken", "p2"))
        .and(query_param("q", "after:1772359199"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"resultSizeEstimate": 0})))
        .mount(&server)
        .await;
    let label = LabelId::parse("Label_1").unwrap();
    let page = client.list_messages(&ListPage { label: Some(&label), ..ListPage::WHOLE }).await.unwrap();
    assert_eq!((page.ids.len(), page.next_page_token.as_deref()), (1, Some("p2")));
    let since = "2026-03-01T10:00:00.5Z".parse().unwrap();
    let rest = ListPage { token: Some("p2"), since: Some(since), ..ListPage::default() };
    let last = client.list_messages(&rest).await.unwrap();
    assert_eq!(last, IdPage::default());
}

#[tokio::test]
async fn history_keeps_every_kind_of_change() {
    let (server, client) = set_up().await;
    let message = json!({"id": "m1", "threadId": "t1", "labelIds": ["INBOX", "UNREAD"]});
    answer(
        &server,
        "history",
        200,
        json!({"historyId": "120", "nextPageToken": "n", "history": [
        {"id": "101", "messages": [message], "messagesAdded": [{"message": message}, {"message": {"threadId": "t"}}],
         "labelsAdded": [{"message": message, "labelIds": ["STARRED"]}]},
        {"id": "107", "labelsRemoved": [{"message": {"id": "m2"}, "labelIds": ["UNREAD"]}],
         "messagesDeleted": [{"message": {"id": "m3", "threadId": "t3"}}, {}]},
        {"id": "109"}]}),
    )
    .await;
    let page = client.history(HistoryId(100), None).await.unwrap();
    assert_eq!((page.history_id, page.records.len(), page.next_page_token.as_deref()), (HistoryId(120), 3, Some("n")));
    let [first, second, third] = &page.records[..] else { panic!("three records") };
    assert_eq!((first.id, first.added.len(), first.labels_added.len(), first.unreadable), (HistoryId(101), 1, 1, 1));
    assert_eq!(first.labels_added[0].all_labels.as_ref().unwrap().len(), 2);
    assert_eq!((second.deleted[0].message_id.as_str(), second.unreadable), ("m3", 1));
    assert_eq!((second.labels_removed[0].all_labels.clone(), third.entries()), (None, 0));
    answer(&server, "history", 200, json!({"historyId": "5"})).await;
}

#[tokio::test]
async fn raw_and_minimal_fetches_agree() {
    let (server, client) = set_up().await;
    let source = "Subject: hi\r\n\r\nbody ".repeat(4_000);
    let body = |raw: Option<&str>| {
        let mut body = json!({"id": "m1", "threadId": "t1", "labelIds": ["INBOX"], "snippet": "a &lt; b",
            "historyId": "77", "internalDate": "1767225600000", "sizeEstimate": 99});
        if let Some(raw) = raw {
            body["raw"] = json!(BASE64_URL_SAFE.encode(raw));
        }
        ResponseTemplate::new(200).set_body_json(body)
    };
    let at = || Mock::given(path("/gmail/v1/users/me/messages/m1")).and(header("authorization", "Bearer token-0"));
    at().and(query_param("format", "raw")).respond_with(body(Some(&source))).mount(&server).await;
    at().and(query_param("format", "minimal")).respond_with(body(None)).mount(&server).await;
    let raw = client.get_raw(&id("m1"), &room()).await.unwrap();
    let meta = client.get_minimal(&id("m1")).await.unwrap();
    assert_eq!(&raw.raw[..], source.as_bytes());
    assert_eq!((raw.history_id, raw.snippet.as_str(), raw.size), (HistoryId(77), "a < b", 99));
    assert_eq!((meta.history_id, meta.snippet, meta.internal_date), (raw.history_id, raw.snippet, raw.internal_date));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let (server, client) = set_up().await;
    let refused = ResponseTemplate::new(401).set_body_json(json!({"error": {"errors": [{"reason": "authError"}]}}));
    Mock::given(header("authorization", "Bearer token-0")).respond_with(refused).mount(&server).await;
    let good = json!({"emailAddress": "a@b.example", "historyId": "1"});
    Mock::given(header("authorization", "Bearer token-1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(good))
        .mount(&server)
        .await;
    client.profile().await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    // The next call starts with the newer token.
    client.profile().await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 3);

    server.reset().await;
    answer(&server, "profile", 401, json!({})).await;
    assert_eq!(client.profile().await, Err(GmailError::Auth));
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    let revoked = client_for(&server.uri(), Tokens { gone: true, ..Tokens::default() }, |_| {});
    assert_eq!(revoked.get_raw(&id("m1"), &room()).await.err(), Some(GmailError::NotFound));
    assert_eq!(revoked.profile().await, Err(GmailError::Token(TokenError::ReauthRequired)));
}

#[tokio::test]
async fn refusals_keep_status_and_retry_after_on_both_ways() {
    let (server, client) = set_up().await;
    let body = json!({"error": {"code": 429, "errors": [{"reason": "rateLimitExceeded", "message": "x"}]}});
    let refusal = ResponseTemplate::new(429).insert_header("retry-after", "30").set_body_json(body);
    Mock::given(method("GET")).respond_with(refusal).mount(&server).await;
    let at = MockClock::default().now() + TimeDelta::seconds(30);
    let expected = GmailError::RateLimited { kind: LimitKind::Concurrency, retry_at: Some(at) };
    assert_eq!(client.get_raw(&id("m1"), &room()).await, Err(expected.clone()));
    assert_eq!(client.get_minimal(&id("m1")).await, Err(expected.clone()));
    assert_eq!(client.history(HistoryId(1), None).await, Err(expected));

    server.reset().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(503).set_body_string("<html>")).mount(&server).await;
    for error in [client.get_raw(&id("m1"), &room()).await.unwrap_err(), client.profile().await.unwrap_err()] {
        assert!(matches!(error, GmailError::Transient { .. }), "{error:?}");
    }
    assert!(client.transport.metrics().last_calls().1.is_some());
    server.reset().await;
    assert_eq!(client.get_raw(&id("m1"), &room()).await, Err(GmailError::NotFound));
    assert_eq!(client.get_minimal(&id("m1")).await, Err(GmailError::NotFound));
    assert_eq!(client.history(HistoryId(1), None).await, Err(GmailError::HistoryGone));
}

/// A server that answers every connection with these bytes and hangs up.
async fn hangs_up_after(bytes: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/", listener.local_addr().unwrap());
    let serve = async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
        }
    };
    std::thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(serve);
    });
    root
}

#[tokio::test]
async fn what_breaks_off_is_transient_never_a_mail() {
    let body = r#"{"id":"m1","threadId":"t1","raw":"SGVsbG8"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let cases = [
        format!("{head}Content-Length: 4000\r\n\r\n{body}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n20\r\n{body}"),
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()),
        format!("{head}Connection: close\r\n\r\n{body}"),
        format!("{head}Content-Length: 0\r\n\r\n"),
        head.to_owned(),
        String::new(),
    ];
    for case in cases {
        let client = client_for(&hangs_up_after(case.clone()).await, Tokens::default(), |_| {});
        for error in
            [client.get_raw(&id("m1"), &room()).await.unwrap_err(), client.get_minimal(&id("m1")).await.unwrap_err()]
        {
            assert!(matches!(error, GmailError::Transient { .. }), "{case:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn slow_answers_end_at_the_deadline() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(method("GET")).respond_with(slow).mount(&server).await;
    let client = client_for(&server.uri(), Tokens::default(), |config| {
        config.call_deadline = Duration::from_millis(50);
        config.raw_deadline = Duration::from_millis(50);
    });
    assert_eq!(client.profile().await.unwrap_err(), GmailError::transient("no answer in time"));
    assert_eq!(client.get_raw(&id("m1"), &room()).await.unwrap_err(), GmailError::transient("no answer in time"));
}

#[tokio::test]
async fn bodies_wait_for_the_byte_budget() {
    let server = MockServer::start().await;
    let raw = BASE64_URL_SAFE.encode(vec![b'x'; 700_000]);
    let mail = json!({"id": "m1", "threadId": "t1", "historyId": "1", "internalDate": "1", "raw": raw});
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_json(mail)).mount(&server).await;
    let client = client_for(&server.uri(), Tokens::default(), |config| {
        config.raw_deadline = Duration::from_millis(700);
    });
    let memory = Memory::new(1024 * 1024);
    let live = memory.room(Part::Live);
    let first = client.get_raw(&id("m1"), &memory.room(Part::Live)).await.unwrap();
    let m1 = id("m1");
    let mut second = std::pin::pin!(client.get_raw(&m1, &live));
    // Longer than its deadline: memory is nobody's delay but ours.
    assert!(tokio::time::timeout(Duration::from_millis(1_000), second.as_mut()).await.is_err(), "it waits");
    drop(first);
    second.await.unwrap();
}

#[tokio::test]
async fn large_bodies_of_untold_length_are_read_beside_each_other() {
    let raw = BASE64_URL_SAFE.encode(vec![b'x'; 3_000_000]);
    let mail = json!({"id": "m1", "threadId": "t1", "historyId": "1", "internalDate": "1", "raw": raw}).to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close";
    let root = hangs_up_after(format!("{head}\r\n\r\n{:x}\r\n{mail}\r\n0\r\n\r\n", mail.len())).await;
    let client = client_for(&root, Tokens::default(), |_| {});
    let room = Memory::new(16 << 20).room(Part::Runs);
    let mut held = Vec::new();
    for _ in 0..3 {
        let mail = tokio::time::timeout(Duration::from_secs(20), client.get_raw(&id("m1"), &room)).await;
        held.push(mail.expect("it waits for the others").unwrap());
    }
    assert!(held.iter().all(|mail| mail.raw.len() == 3_000_000));
}

#[tokio::test]
async fn odd_ids_are_never_sent() {
    let (server, client) = set_up().await;
    for odd in ["../../labels", "a/b", "a?x=1", "a#b", "ä", "%2e%2e", ".."] {
        assert_eq!(client.get_raw(&id(odd), &room()).await, Err(GmailError::NotFound));
        assert_eq!(client.get_minimal(&id(odd)).await, Err(GmailError::NotFound));
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn roots_are_checked_and_may_have_a_path() {
    let server = MockServer::start().await;
    let client = client_for(&format!("{}/google", server.uri()), Tokens::default(), |_| {});
    let _ = client.profile().await;
    let _ = client.get_raw(&id("m1"), &room()).await;
    let paths: Vec<String> =
        server.received_requests().await.unwrap().iter().map(|request| request.url.path().to_owned()).collect();
    assert_eq!(paths, ["/google/gmail/v1/users/me/profile", "/google/gmail/v1/users/me/messages/m1"]);
    let metrics = GmailMetrics::register(&prometheus::Registry::new()).unwrap();
    for root in ["ftp://x.example/", "mailto:x", "http://x.example/?q=1"] {
        let config = TransportConfig::new(root.parse().unwrap());
        assert!(GmailTransport::new(config, Arc::new(MockClock::default()), metrics.clone()).is_err(), "{root}");
    }
}
