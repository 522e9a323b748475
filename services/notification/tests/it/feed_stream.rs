//! The event feed as server-sent events.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use postrider_domain::UserId;
use postrider_storage::Statement;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::harness::{SOON, World, settings};
use crate::producer::{Account, connected, mail};
use crate::tokens;

const PATH: &str = "/api/v1/events/stream";

struct Events {
    stream: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    text: String,
}

impl Events {
    async fn open(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        Self { stream: Box::pin(answer.bytes_stream()), text: String::new() }
    }

    /// The next block: its id, its type, its data. None at the end.
    async fn block(&mut self) -> Option<(String, Option<String>, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    block.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned())
                };
                let data = field("data:").map_or(Value::Null, |data| serde_json::from_str(&data).unwrap());
                let block = (field("id:").unwrap_or_default(), field("event:"), data);
                self.text = rest.to_owned();
                return Some(block);
            }
            let next = tokio::time::timeout(SOON, self.stream.next()).await.expect("an event or the end");
            self.text.push_str(std::str::from_utf8(&next?.ok()?).unwrap());
        }
    }

    /// The next event.
    async fn event(&mut self) -> (String, Value) {
        loop {
            if let (id, Some(kind), data) = self.block().await.expect("an event") {
                assert_eq!(data["type"], kind);
                return (id, data);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_its_reader_was() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    world.send(&account, &mail("m1")).await;
    world.notified(&account, 1).await;
    let get = |path: &str| replica.request(&account, Method::GET, path);
    // Without a place: from now on. The first block names the place, before anything happened.
    let mut live = Events::open(get(PATH)).await;
    let (start, none, _) = live.block().await.unwrap();
    assert!(none.is_none() && !start.is_empty());
    world.send(&account, &mail("m2")).await;
    let (second, event) = live.event().await;
    assert_eq!((&event["seq"], &event["data"]["message_id"]), (&2.into(), &"m2".into()));
    drop(live);
    world.send(&account, &mail("m3")).await;
    let mut again = Events::open(get(PATH).header("Last-Event-ID", &second)).await;
    assert_eq!(again.event().await.1["seq"], 3);
    let mut anew = Events::open(get(PATH).header("Last-Event-ID", &start)).await;
    assert_eq!((anew.event().await.1["seq"].clone(), anew.event().await.1["seq"].clone()), (2.into(), 3.into()));
    // The same places serve the list.
    let page = replica.get(&account, &format!("/api/v1/events?cursor={second}")).await;
    assert_eq!((page["data"].as_array().unwrap().len(), &page["data"][0]["seq"]), (1, &3.into()));
    let mut few = Events::open(get(&format!("{PATH}?types=sync.failed&as_of={}:0", account.id))).await;
    few.block().await.unwrap();
    world.send(&account, &mail("m4")).await;
    assert_eq!(again.event().await.1["seq"], 4);
    replica.stop().await;
    // A stop ends them all, properly.
    for mut stream in [again, few] {
        while stream.block().await.is_some() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_one_stream_of_its_user_for_a_minute() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &mail("m1")).await;
    world.notified(&account, 1).await;
    let ticket = || async {
        let request = replica.request(&account, Method::POST, "/api/v1/events/ticket");
        replica.call(request, StatusCode::CREATED).await["ticket"].as_str().unwrap().to_owned()
    };
    // As the gateway sends what bears a ticket: it vouches for nobody.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let bare = |path: &str| client.get(format!("{}{path}", replica.api));
    let good = ticket().await;
    let mut stream = Events::open(bare(&format!("{PATH}?ticket={good}&as_of={}:0", account.id))).await;
    assert_eq!(stream.event().await.1["data"]["message_id"], "m1");
    let refused = |path: String| async move { bare(&path).send().await.unwrap().status() };
    assert_eq!(refused(format!("{PATH}?ticket={good}")).await, StatusCode::UNAUTHORIZED);
    let old = ticket().await;
    let age = "UPDATE notification.feed_tickets SET expires_at = now()";
    Statement::dynamic(age.to_owned()).execute(&world.db.admin().await).await.unwrap();
    for path in [format!("{PATH}?ticket={old}"), format!("{PATH}?ticket="), PATH.to_owned()] {
        assert_eq!(refused(path.clone()).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(refused(format!("/api/v1/events?ticket={}", ticket().await)).await, StatusCode::UNAUTHORIZED);
    // It is its user's: nobody else's account can be named with it.
    let (fresh, foreign) = (ticket().await, Account { user: UserId::parse("u2").unwrap(), ..Account::new("t1", "u2") });
    world.send(&foreign, &mail("m")).await;
    let other = format!("{PATH}?ticket={fresh}&connector_id={}", foreign.id);
    assert_eq!(refused(other).await, StatusCode::NOT_FOUND);
    let write_only = tokens::internal(&account, "write");
    for (method, path) in
        [(Method::POST, "/api/v1/events/ticket"), (Method::GET, PATH), (Method::GET, "/api/v1/events")]
    {
        replica.call(replica.request_with(&write_only, method, path), StatusCode::FORBIDDEN).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_streams_are_refused_before_they_begin() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let get = |query: &str| replica.request(&account, Method::GET, &format!("{PATH}{query}"));
    for query in ["?cursor=x", "?as_of=x", "?types=x", "?wait=1", "?limit=1", "?more=1"] {
        replica.call(get(query), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    replica.call(get("").header("Last-Event-ID", "x"), StatusCode::UNPROCESSABLE_ENTITY).await;
}
