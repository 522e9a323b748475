//! One socket: who may hear what.

use std::time::Duration;

use postrider_contracts::mailbox::EmailBatchStored;
use postrider_domain::{Clock, SystemClock};
use postrider_notification::channels::socket::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Socket;
use crate::harness::{SOON, World, settings};
use crate::producer::{Account, connected, mail, sync_completed};
use crate::tokens::{self, JWT_SECRET, payload, sign};

const ROOM: &str = "user:u1:notifications";

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_reaches_its_users_socket_with_number_and_id() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    let mut socket = replica.subscribed(&account).await;
    world.send(&account, &mail("m1")).await;
    let event = socket.expect("notification:new_message").await;
    assert_eq!(event["nseq"], 1);
    assert_eq!(event["sender"], "John Doe");
    assert_eq!(event["subject"], "Subject m1");
    assert_eq!(event["folder"], "Inbox");
    assert_eq!(event["messageId"], "m1");
    assert!(event["eventId"].as_str().unwrap().ends_with("-n1"));
    assert!(event.get("replayed").is_none());
    let count = socket.expect("notification:unread_count").await;
    assert_eq!(count["unreadCount"], 1);
    assert!(count["eventId"].as_str().unwrap().ends_with("-n1u"));
    let shown = replica.get(&account, "/api/notifications").await["data"][0].clone();
    assert_eq!(shown["id"], event["notificationId"]);
    assert_eq!(shown["nseq"], event["nseq"]);
    assert_eq!(shown["emailId"], event["emailId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_before_a_subscription_and_each_room_has_its_own() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let mut silent = replica.authenticated(&account).await;
    let mut sync_only = replica.authenticated(&account).await;
    sync_only.subscribe("user:u1:sync").await;
    let mut both = replica.subscribed(&account).await;
    both.subscribe("user:u1:sync").await;
    world.send(&account, &mail("m1")).await;
    world.send(&account, &sync_completed("r1", "first")).await;
    world.send(&account, &mail("m2")).await;
    let done = sync_only.expect("notification:sync_complete").await;
    assert_eq!(done["messagesSynced"], 3_000);
    assert_eq!(done["nseq"], 2);
    assert_eq!(sync_only.rest().await, []);
    let mut names = Vec::new();
    for (name, event) in both.rest().await {
        if name != "notification:unread_count" {
            names.push((name, event["nseq"].as_i64().unwrap()));
        }
    }
    let expected =
        [("notification:new_message", 1), ("notification:sync_complete", 2), ("notification:new_message", 3)];
    assert_eq!(names, expected.map(|(name, nseq)| (name.to_owned(), nseq)));
    assert_eq!(silent.rest().await, []);
    // Unsubscribed means silent again; what came meanwhile is caught up on return.
    both.ask("unsubscribe", &json!({ "room": ROOM })).await;
    world.send(&account, &mail("m3")).await;
    world.notified(&account, 4).await;
    both.expect_silence().await;
    both.subscribe(ROOM).await;
    let event = both.expect("notification:new_message").await;
    assert_eq!((&event["nseq"], &event["replayed"]), (&json!(4), &json!(true)));
    both.expect_silence().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_foreign_tokens_open_nothing() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let hs256 = json!({ "alg": "HS256", "typ": "JWT" });
    let good = payload(&account, 3_600);
    let without = |name: &str| {
        let mut payload = good.clone();
        payload.as_object_mut().unwrap().remove(name);
        sign(&hs256, &payload, JWT_SECRET.as_bytes())
    };
    let none = sign(&json!({ "alg": "none" }), &good, JWT_SECRET.as_bytes());
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    let internal = tokens::internal(&account, "read write");
    let forged = [
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(20_000),
        none,
        unsigned,
        sign(&hs256, &good, b"another-secret-of-at-least-32-bytes!!"),
        sign(&json!({ "alg": "HS512" }), &good, JWT_SECRET.as_bytes()),
        sign(&hs256, &payload(&account, -3_600), JWT_SECRET.as_bytes()),
        without("exp"),
        without("sub"),
        without("tenant_id"),
        internal,
    ];
    for token in &forged {
        let mut socket = Socket::connect(&replica.socket_url, &json!({ "token": token })).await;
        assert_eq!(socket.expect("error").await["code"], "unauthorized", "{token}");
        socket.expect_closed().await;
    }
    // Not even a token, or not even an object.
    for auth in [json!({ "token": 7 }), json!({ "token": { "a": 1 } }), json!({ "token": ["x"] })] {
        let mut socket = Socket::connect(&replica.socket_url, &auth).await;
        assert_eq!(socket.expect("error").await["code"], "invalid_payload");
        socket.expect_closed().await;
    }
    let token = tokens::client(&account);
    for claims in [json!({ "userId": "u2" }), json!({ "tenantId": "t2" }), json!({ "accountId": Uuid::nil() })] {
        let mut auth = claims;
        auth["token"] = token.clone().into();
        let mut socket = Socket::connect(&replica.socket_url, &auth).await;
        assert_eq!(socket.expect("error").await["code"], "identity_mismatch", "{auth}");
        socket.expect_closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_never_says_who_it_is_is_closed() {
    let world = World::new().await;
    let soon = Settings { authenticate_within: Duration::from_millis(1_500), ..settings() };
    let replica = world.replica(soon).await;
    let account = Account::new("t1", "u1");
    let mut socket = Socket::connect(&replica.socket_url, &json!({})).await;
    assert_eq!(socket.ask("subscribe", &json!({ "room": ROOM })).await["code"], "not_authenticated");
    assert_eq!(socket.expect("error").await["code"], "not_authenticated");
    socket.expect_closed().await;
    // In time by event instead of handshake: events of one client are taken in their order.
    let mut socket = Socket::connect(&replica.socket_url, &json!({})).await;
    let token = tokens::client(&account);
    socket.emit("authenticate", &json!({ "token": token, "userId": "u1", "tenantId": "t1" })).await;
    socket.emit("subscribe", &json!({ "room": ROOM })).await;
    let who = socket.expect("authenticated").await;
    assert_eq!(who, json!({ "userId": "u1", "tenantId": "t1", "accountId": null }));
    world.send(&account, &mail("m1")).await;
    socket.expect("notification:new_message").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_runs_out_ends_the_socket_and_a_new_one_keeps_it() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    // The issuer's clock may be 30 s off, so these have five seconds left.
    let short = |lives| sign(&json!({ "alg": "HS256" }), &payload(&account, lives), JWT_SECRET.as_bytes());
    let started = SystemClock.now();
    let mut kept = Socket::connect(&replica.socket_url, &json!({ "token": short(-25) })).await;
    kept.expect("authenticated").await;
    kept.emit("authenticate", &json!({ "token": tokens::client(&account) })).await;
    kept.expect("authenticated").await;
    let other = Account::new("t1", "u2");
    kept.emit("authenticate", &json!({ "token": tokens::client(&other) })).await;
    assert_eq!(kept.expect("error").await["code"], "identity_mismatch");
    let mut socket = Socket::connect(&replica.socket_url, &json!({ "token": short(-25) })).await;
    socket.expect("authenticated").await;
    assert_eq!(socket.expect("error").await["code"], "token_expired");
    socket.expect_closed().await;
    assert!((SystemClock.now() - started).to_std().unwrap() < SOON);
    kept.subscribe(ROOM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_sockets_and_no_more() {
    let world = World::new().await;
    let replica = world.replica(Settings { per_user: 2, ..settings() }).await;
    let (account, other) = (Account::new("t1", "u1"), Account::new("t1", "u2"));
    let (kept, gone) = (replica.authenticated(&account).await, replica.authenticated(&account).await);
    let auth = json!({ "token": tokens::client(&account) });
    let mut third = Socket::connect(&replica.socket_url, &auth).await;
    assert_eq!(third.expect("error").await["code"], "too_many_sockets");
    third.expect_closed().await;
    replica.authenticated(&other).await;
    gone.disconnect().await;
    postrider_testing::eventually("room for another one", SOON, || async {
        let mut socket = Socket::connect(&replica.socket_url, &auth).await;
        let (name, _) = socket.next(SOON).await.unwrap();
        (name == "authenticated").then_some(())
    })
    .await;
    assert!(!kept.closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_of_replaying_that_there_is_not_is_refused() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let auth = json!({ "token": tokens::client(&Account::new("t1", "u1")), "replay": "all" });
    let mut socket = Socket::connect(&replica.socket_url, &auth).await;
    assert_eq!(socket.expect("error").await["code"], "replay_unsupported");
    socket.expect_closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_narrows_and_must_be_the_users_own() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (one, foreign) = (Account::new("t1", "u1"), Account::new("t1", "u2"));
    let two = Account { id: Account::new("t1", "u1").id, ..one.clone() };
    for account in [&one, &two, &foreign] {
        world.send(account, &connected(account, 1)).await;
        world.send(account, &mail("before")).await;
    }
    world.notified(&one, 3).await;
    let auth = |account: &Account| json!({ "token": tokens::client(&one), "accountId": account.id });
    let mut socket = Socket::connect(&replica.socket_url, &auth(&foreign)).await;
    assert_eq!(socket.expect("error").await["code"], "identity_mismatch");
    let mut socket = Socket::connect(&replica.socket_url, &auth(&two)).await;
    assert_eq!(socket.expect("authenticated").await["accountId"], two.id.to_string());
    socket.subscribe(ROOM).await;
    world.send(&one, &mail("m1")).await;
    world.send(&two, &mail("m2")).await;
    let told: Vec<Value> = socket.expect_many("notification:new_message", 2).await;
    let ids: Vec<_> = told.iter().map(|event| event["messageId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["before", "m2"]);
    socket.expect_silence().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_about_an_account_says_which_and_where_it_stands_in_its_feed() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let mut socket = replica.subscribed(&account).await;
    socket.subscribe("user:u1:sync").await;
    world.send(&account, &EmailBatchStored { run_id: "r".to_owned(), count: 2, email_ids: Vec::new() }).await;
    world.send(&account, &mail("m1")).await;
    world.send(&account, &sync_completed("r1", "first")).await;
    let told = socket.expect("notification:new_message").await;
    let synced = socket.expect("notification:sync_complete").await;
    for (event, seq) in [(&told, 2), (&synced, 3)] {
        assert_eq!((&event["accountId"], &event["seq"]), (&json!(account.id), &json!(seq)), "{event}");
        let entry = replica.get(&account, &format!("/api/v1/events?as_of={}:{}&limit=1", account.id, seq - 1)).await;
        assert_eq!(entry["data"][0]["seq"], seq);
    }
    // What is done to it later is about the same.
    for what in ["read", "unread", "archive"] {
        let path = format!("/api/notifications/{}/{what}", told["notificationId"].as_str().unwrap());
        replica.post(&account, &path).await;
    }
    for name in ["notification:marked_read", "notification:marked_unread", "notification:archived"] {
        let event = socket.expect(name).await;
        assert_eq!((&event["accountId"], &event["seq"]), (&json!(account.id), &json!(2)), "{event}");
    }
    // One that is about no account has neither, and the counts belong to nobody's mailbox.
    let body = json!({ "title": "t", "message": "m" });
    let request = replica.request(&account, Method::POST, "/api/notifications").json(&body);
    replica.call(request, StatusCode::CREATED).await;
    let custom = socket.expect("notification:custom").await;
    assert_eq!((custom.get("accountId"), custom.get("seq")), (None, None));
    assert_eq!(socket.expect("notification:unread_count").await.get("seq"), None);
    // A replay says the same.
    let mut again = replica.subscribed(&account).await;
    let replayed = again.expect("notification:new_message").await;
    assert_eq!(
        (&replayed["accountId"], &replayed["seq"], &replayed["replayed"]),
        (&told["accountId"], &told["seq"], &json!(true))
    );
}
