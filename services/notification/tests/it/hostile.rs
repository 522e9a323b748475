//! Bad input on every route and every socket event: a 4xx problem or an `error`, nothing changed, no 5xx.

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::client::Socket;
use crate::harness::{Replica, SOON, World, settings};
use crate::producer::{Account, mail};
use crate::tokens;

async fn refused(request: RequestBuilder, what: &str) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    let text = answer.text().await.unwrap();
    assert!((400..500).contains(&status), "{what}: {status} {text}");
    assert!(kind.starts_with("application/problem+json"), "{what}: {kind}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert!(problem["code"].is_string() && problem["request_id"].is_string(), "{what}: {problem}");
    (status, problem)
}

fn routes(id: &str) -> Vec<(Method, String)> {
    let set = [
        (Method::PUT, "/preferences"),
        (Method::POST, "/preferences/silence"),
        (Method::POST, "/preferences/unsilence"),
        (Method::POST, "/preferences/simulate"),
        (Method::DELETE, "/cleanup-old"),
    ]
    .map(|(method, path)| (method, format!("/api/notifications{path}")));
    let get = ["", "/stats", "/preferences"].map(|path| (Method::GET, format!("/api/notifications{path}")));
    let post = ["", "/bulk-read"].map(|path| (Method::POST, format!("/api/notifications{path}")));
    let of_one = ["read", "unread", "archive"].map(|verb| (Method::POST, format!("/api/notifications/{id}/{verb}")));
    let rest = [
        (Method::GET, format!("/api/notifications/{id}")),
        (Method::GET, format!("/api/notifications/{id}/explain")),
        (Method::GET, "/internal/events?stream=x".to_owned()),
        (Method::GET, "/internal/streams?changed_since=2026-01-01T00:00:00Z".to_owned()),
    ];
    get.into_iter().chain(set).chain(post).chain(of_one).chain(rest).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_answers_without_a_good_token() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let good = tokens::internal(&account, "read write");
    let (head, signature) = good.rsplit_once('.').unwrap();
    let tampered = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let bad = ["".to_owned(), "x".to_owned(), tampered, tokens::client(&account), "y".repeat(9_000)];
    for (method, path) in routes(&Uuid::nil().to_string()) {
        for token in &bad {
            let (status, _) = refused(replica.request_with(token, method.clone(), &path), &path).await;
            assert_eq!(status, 401, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_told_what_is_wrong_and_change_nothing() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &mail("m1")).await;
    world.notified(&account, 1).await;
    let get = |path: &str| replica.request(&account, Method::GET, path);
    for query in [
        "page=0",
        "page=-1",
        "page=x",
        "page=100001",
        "page=99999999999",
        "limit=0",
        "limit=101",
        "limit=",
        "unread_only=maybe",
        "archived=2",
        "type=nothing",
        "type=",
        "more=1",
        "page=1&page=2",
        "connector_id=7",
        "connector_id=%00",
    ] {
        let (status, problem) = refused(get(&format!("/api/notifications?{query}")), query).await;
        assert_eq!(status, 422, "{query}");
        assert!(problem["errors"][0]["field"].is_string(), "{query}: {problem}");
    }
    let header = get("/api/notifications").header("X-Account-ID", "no-id");
    assert_eq!(refused(header, "X-Account-ID").await.0, 422);
    for id in ["7", "%00", "..%2f..", "x".repeat(300).as_str(), &Uuid::nil().to_string(), "STATS"] {
        for verb in ["", "/explain"] {
            let (status, _) = refused(get(&format!("/api/notifications/{id}{verb}")), id).await;
            assert_eq!(status, 404, "{id}{verb}");
        }
        for verb in ["read", "unread", "archive"] {
            let request = replica.request(&account, Method::POST, &format!("/api/notifications/{id}/{verb}"));
            assert_eq!(refused(request, id).await.0, 404, "{id}/{verb}");
        }
    }
    bodies(&replica, &account).await;
    let wrong_method = replica.request(&account, Method::DELETE, "/api/notifications/stats");
    assert_eq!(refused(wrong_method, "DELETE").await.0, 405);
    let (status, _) = refused(get("/api/notifications/preferences?connector_id=x"), "preferences").await;
    assert_eq!(status, 422);
    let unknown = format!("/api/notifications/preferences?connector_id={}", Uuid::nil());
    assert_eq!(refused(get(&unknown), "preferences").await.0, 404);
    assert_eq!(world.count(&account.tenant, "notifications").await, 1);
    assert_eq!(world.count(&account.tenant, "user_log").await, 1);
}

async fn bodies(replica: &Replica, account: &Account) {
    let ok = json!({ "title": "t", "message": "m" });
    let with = |name: &str, value: Value| {
        let mut body = ok.clone();
        body[name] = value;
        body
    };
    let create = [
        json!([]),
        json!(null),
        json!("x"),
        json!({}),
        json!({ "title": "t" }),
        with("title", json!("")),
        with("title", json!("   ")),
        with("title", json!("x".repeat(201))),
        with("title", json!(7)),
        with("title", json!("a\0b")),
        with("message", json!("x".repeat(5_001))),
        with("senderEmail", json!("nobody")),
        with("senderEmail", json!("a@b.c, d@e.f")),
        with("senderName", json!("x".repeat(201))),
        with("accountId", json!("7")),
        with("data", json!([1])),
        with("data", json!({ "x": "y".repeat(17_000) })),
        with("type", json!("new_message")),
        with("userId", json!("u2")),
    ];
    let many: Vec<Uuid> = (0..1_001).map(Uuid::from_u128).collect();
    let bulk = [
        json!({}),
        json!([]),
        json!({ "notificationIds": "x" }),
        json!({ "notificationIds": ["x"] }),
        json!({ "notificationIds": [7] }),
        json!({ "notificationIds": many }),
        json!({ "notificationIds": [], "x": 1 }),
    ];
    for (path, list) in [("/api/notifications", &create[..]), ("/api/notifications/bulk-read", &bulk[..])] {
        let post = || replica.request(account, Method::POST, path);
        for body in list {
            assert_eq!(refused(post().json(body), &body.to_string()).await.0, 422, "{path} {body}");
        }
        let json = |text: &'static str| post().header("content-type", "application/json").body(text);
        for text in ["", "{", "{\"title", "\u{0}"] {
            assert_eq!(refused(json(text), text).await.0, 400, "{path} {text}");
        }
        assert_eq!(refused(post().body("{}"), "no content type").await.0, 415, "{path}");
        let large = vec![b' '; 1024 * 1024 + 1];
        let large = post().header("content-type", "application/json").body(large);
        assert_eq!(refused(large, "large").await.0, 413, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_socket_events_are_refused_and_the_socket_lives() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &mail("m1")).await;
    world.notified(&account, 1).await;
    let mut socket = replica.authenticated(&account).await;
    let room = json!({ "room": "user:u1:notifications" });
    let odd = [json!(null), json!(7), json!("x"), json!([]), json!([[1]]), json!({}), json!({ "room": null })];
    for event in ["subscribe", "unsubscribe", "notification:read", "notification:archive", "authenticate"] {
        for data in &odd {
            let answer = socket.ask(event, data).await;
            assert!(answer["ok"] == false && answer["code"].is_string(), "{event} {data}: {answer}");
        }
    }
    socket.rest().await;
    // A wrong token, and another user's, do not end a socket that has proved itself.
    let other = tokens::client(&Account::new("t1", "u2"));
    for (token, code) in [("x", "unauthorized"), (other.as_str(), "identity_mismatch")] {
        let answer = socket.ask("authenticate", &json!({ "token": token })).await;
        assert_eq!((&answer["ok"], &answer["code"]), (&json!(false), &json!(code)));
        assert_eq!(socket.expect("error").await["code"], code);
    }
    for room in [
        "",
        "user:u2:notifications",
        "user:u1:",
        "user:u1:notifications ",
        "user:*:notifications",
        "u1",
        "#",
        "..",
        "user:u1:notifications\0",
    ] {
        assert_eq!(socket.ask("subscribe", &json!({ "room": room })).await["code"], "room_forbidden", "{room}");
    }
    for id in [json!("x"), json!(Uuid::nil()), json!("a\0")] {
        let answer = socket.ask("notification:read", &json!({ "notificationId": id })).await;
        assert_eq!(answer["code"], "not_found", "{id}");
    }
    assert_eq!(socket.ask("drop table", &json!({})).await["code"], "unknown_event");
    assert_eq!(socket.ask("ping", &json!({ "timestamp": [] })).await["code"], "invalid_payload");
    socket.emit("ping", &json!({ "timestamp": 42 })).await;
    assert_eq!(socket.expect("pong").await, json!({ "timestamp": 42 }));
    for text in ["42[\"subscribe\"]", "42[\"ping\",1,2,3]", "4299[\"x\"]", "42[\"notification:read\",{},{}]"] {
        socket.raw(text).await;
    }
    assert_eq!(socket.ask("subscribe", &room).await["ok"], true);
    socket.expect("notification:new_message").await;
    // Malformed packets end the connection that sent them, and only that one.
    for text in ["42", "42{", "42[]", "42[7]", "4", "9", "47"] {
        let mut rude = replica.authenticated(&account).await;
        rude.raw(text).await;
        rude.expect_closed().await;
    }
    // So does what stands where the bytes should that a packet announced.
    let mut unfinished = replica.authenticated(&account).await;
    unfinished.raw("451-[\"x\",{\"_placeholder\":true,\"num\":9}]").await;
    unfinished.emit("ping", &json!({ "timestamp": 1 })).await;
    unfinished.expect_closed().await;
    let mut flood = replica.authenticated(&account).await;
    for _ in 0..2_000 {
        if flood.try_emit("ping", &json!({ "timestamp": 1 })).await.is_err() {
            break;
        }
    }
    assert_eq!(flood.expect("error").await["code"], "rate_limited");
    flood.expect_closed().await;
    world.send(&account, &mail("m2")).await;
    socket.expect("notification:new_message").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_there_is_not_is_refused_and_its_connection_closed() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let mut foreign = Socket::connect_to(&replica.socket_url, "/admin", &json!({})).await;
    let mut frames = Vec::new();
    while let Some(frame) = foreign.text().await {
        frames.push(frame);
    }
    let said: Vec<_> = frames.iter().filter(|frame| frame.starts_with('4')).collect();
    assert_eq!(said, [r#"44/admin,{"message":"Invalid namespace"}"#]);
}

/// It never has more under way than its queue holds, and reads every answer: nothing overflows anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_stops_asking_is_cut() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let (mut sink, mut stream) = replica.subscribed_raw(&account).await.split();
    let under_way = Semaphore::new(64);
    let write = async {
        while let Ok(permit) = under_way.acquire().await {
            permit.forget();
            if sink.send(Message::text("42[\"ping\",{\"timestamp\":1}]")).await.is_err() {
                break;
            }
        }
    };
    let read = async {
        let mut refused = 0;
        while let Some(Ok(frame)) = stream.next().await {
            let text = frame.to_text().unwrap_or_default();
            under_way.add_permits(usize::from(text.starts_with("42[")));
            refused += usize::from(text.contains("rate_limited"));
        }
        under_way.close();
        refused
    };
    let both = async { tokio::join!(write, read) };
    let ((), refused) = tokio::time::timeout(SOON, both).await.expect("a flooding client is cut");
    assert!(refused > 0, "it was never told to slow down");
    assert_eq!(replica.metric("postrider_sockets_cut_total"), 1.0);
}

/// Each asks what one socket may; together they ask more than one user may.
#[tokio::test(flavor = "multi_thread")]
async fn many_sockets_of_one_user_ask_no_more_than_one_user_may() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (busy, other) = (Account::new("t1", "u1"), Account::new("t1", "u2"));
    let mut sockets = Vec::new();
    for _ in 0..8 {
        sockets.push(replica.authenticated(&busy).await);
    }
    // Nobody waits for an answer before it asks again: the machine's speed counts for as little as it may. What the user's
    // bucket gets back meanwhile is allowed for.
    let begun = std::time::Instant::now();
    for socket in &mut sockets {
        for _ in 0..200 {
            socket.emit("ping", &json!({ "timestamp": 1 })).await;
        }
    }
    let (mut granted, mut refused) = (0, 0);
    for socket in &mut sockets {
        for _ in 0..200 {
            match socket.next(SOON).await.map(|(name, _)| name).as_deref() {
                Some("pong") => granted += 1,
                Some("error") => refused += 1,
                other => panic!("{other:?} after {granted} answers and {refused} refusals"),
            }
        }
    }
    let most = 1_000.0 + 200.0 * begun.elapsed().as_secs_f64();
    assert!(f64::from(granted) <= most, "{granted} of at most {most} pings answered");
    assert_eq!(granted + refused, 1_600);
    let mut quiet = replica.authenticated(&other).await;
    quiet.emit("ping", &json!({ "timestamp": 1 })).await;
    quiet.expect("pong").await;
}
