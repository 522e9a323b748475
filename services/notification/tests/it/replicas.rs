//! Several replicas: every socket hears everything once, whoever wrote it, whatever hints are lost.

use std::time::Duration;

use postrider_notification::channels::socket::Settings;
use postrider_testing::TestVhost;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{SOON, World, settings};
use crate::producer::{Account, mail};

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["messageId"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_deliver_once_to_each_socket_in_order() {
    let world = World::new().await;
    let (one, two) = (world.replica(settings()).await, world.replica(settings()).await);
    let (account, stranger) = (Account::new("t1", "u1"), Account::new("t1", "u2"));
    let mut sockets = [one.subscribed(&account).await, one.subscribed(&account).await, two.subscribed(&account).await];
    let mut other = two.subscribed(&stranger).await;
    let mut expected = Vec::new();
    for n in 0..100 {
        world.send(&account, &mail(&format!("m{n:03}"))).await;
        expected.push(format!("m{n:03}"));
    }
    for socket in &mut sockets {
        let told = socket.expect_many("notification:new_message", 100).await;
        assert_eq!(ids(&told), expected);
        socket.expect_silence().await;
    }
    assert_eq!(other.rest().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_and_archive_reach_every_connection_of_the_user() {
    let world = World::new().await;
    let (one, two) = (world.replica(settings()).await, world.replica(settings()).await);
    let account = Account::new("t1", "u1");
    let (mut here, mut there) = (one.subscribed(&account).await, two.subscribed(&account).await);
    world.send(&account, &mail("m1")).await;
    let id = here.expect("notification:new_message").await["notificationId"].clone();
    there.expect("notification:new_message").await;
    let done = here.ask("notification:read", &json!({ "notificationId": id })).await;
    assert_eq!(done, json!({ "ok": true }));
    for socket in [&mut here, &mut there] {
        let event = socket.expect("notification:marked_read").await;
        assert_eq!((&event["notificationId"], &event["nseq"]), (&id, &json!(2)));
        assert_eq!(socket.expect("notification:unread_count").await["unreadCount"], 0);
    }
    // Again: nothing changes, nobody is told.
    here.ask("notification:read", &json!({ "notificationId": id })).await;
    here.expect_silence().await;
    let path = format!("/api/notifications/{}", id.as_str().unwrap());
    two.post(&account, &format!("{path}/unread")).await;
    there.emit("notification:archive", &json!({ "notificationId": id })).await;
    for socket in [&mut here, &mut there] {
        assert_eq!(socket.expect("notification:marked_unread").await["nseq"], 3);
        assert_eq!(socket.expect("notification:archived").await["nseq"], 4);
    }
    assert_eq!(one.get(&account, "/api/notifications").await["unreadCount"], 0);
    let shown = one.get(&account, &path).await;
    assert_eq!((&shown["data"]["isArchived"], &shown["data"]["nseq"]), (&json!(true), &json!(4)));
    let stranger = Account::new("t1", "u2");
    let mut other = one.authenticated(&stranger).await;
    let refused = other.ask("notification:read", &json!({ "notificationId": id })).await;
    assert_eq!(refused["code"], "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_read_tells_each_change_and_one_count() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    for n in 0..20 {
        world.send(&account, &mail(&format!("m{n}"))).await;
    }
    world.notified(&account, 20).await;
    let mut socket = replica.subscribed(&account).await;
    socket.expect("notification:unread_count").await;
    let list = replica.get(&account, "/api/notifications").await;
    let mut named: Vec<Value> = list["data"].as_array().unwrap().iter().map(|n| n["id"].clone()).collect();
    named.push(named[0].clone());
    named.push(json!(uuid::Uuid::nil()));
    let request = replica.request(&account, Method::POST, "/api/notifications/bulk-read");
    let done = replica.call(request.json(&json!({ "notificationIds": named })), StatusCode::OK).await;
    assert_eq!(done, json!({ "data": { "updated": 20, "total": 21 } }));
    let told = socket.expect_many("notification:marked_read", 20).await;
    let numbers: Vec<i64> = told.iter().map(|event| event["nseq"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (21..=40).collect::<Vec<_>>());
    assert_eq!(socket.expect("notification:unread_count").await["unreadCount"], 0);
    assert_eq!(socket.rest().await, []);
}

/// A replica whose hints go to another vhost writes, ours hears nothing from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_hint_is_filled_within_the_check_interval_or_by_the_next_one() {
    let world = World::new().await;
    let elsewhere = TestVhost::fresh().await;
    let checking = Settings { check_every: Duration::from_millis(500), ..settings() };
    let ours = world.replica(settings()).await;
    let checked = world.replica(checking).await;
    let deaf = world.replica_on(settings(), elsewhere.amqp_url()).await;
    let account = Account::new("t1", "u1");
    ours.hears_hints(&account).await;
    let (mut waiting, mut looking) = (ours.subscribed(&account).await, checked.subscribed(&account).await);
    let custom = |title: &str| json!({ "title": title, "message": "hello" });
    for title in ["a", "b"] {
        let request = deaf.request(&account, Method::POST, "/api/notifications").json(&custom(title));
        deaf.call(request, StatusCode::CREATED).await;
    }
    for title in ["a", "b"] {
        assert_eq!(looking.expect("notification:custom").await["title"], title);
    }
    // The other one looks every ten minutes only; the next number tells it that two are missing.
    waiting.expect_silence().await;
    let request = ours.request(&account, Method::POST, "/api/notifications").json(&custom("c"));
    ours.call(request, StatusCode::CREATED).await;
    for (title, nseq) in [("a", 1), ("b", 2), ("c", 3)] {
        let event = waiting.expect("notification:custom").await;
        assert_eq!((&event["title"], &event["nseq"]), (&json!(title), &json!(nseq)));
    }
    assert_eq!(looking.expect("notification:custom").await["title"], "c");
    looking.expect_silence().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_back_makes_sessions_look() {
    let world = World::new().await;
    let ours = world.replica(settings()).await;
    let elsewhere = TestVhost::fresh().await;
    let deaf = world.replica_on(settings(), elsewhere.amqp_url()).await;
    let account = Account::new("t1", "u1");
    ours.hears_hints(&account).await;
    let mut socket = ours.subscribed(&account).await;
    let request = deaf.request(&account, Method::POST, "/api/notifications");
    deaf.call(request.json(&json!({ "title": "a", "message": "b" })), StatusCode::CREATED).await;
    socket.expect_silence().await;
    // RabbitMQ lists connections late: the one hints come over may be closed by a later call only.
    let end = tokio::time::Instant::now() + SOON * 2;
    loop {
        world.vhost.close_connections().await.unwrap();
        match socket.next(Duration::from_secs(2)).await {
            Some((name, event)) if name == "notification:custom" => break assert_eq!(event["title"], "a"),
            _ => assert!(tokio::time::Instant::now() < end, "nobody looked after the broker came back"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_replica_says_so_and_the_other_one_goes_on() {
    let world = World::new().await;
    let (one, two) = (world.replica(settings()).await, world.replica(settings()).await);
    let account = Account::new("t1", "u1");
    let mut socket = one.subscribed(&account).await;
    world.send(&account, &mail("m1")).await;
    let last = socket.expect("notification:new_message").await["eventId"].clone();
    one.cx.shutdown.stop_softly();
    let restart = socket.expect("server_restart").await;
    assert!(restart["retryIn"].as_u64().unwrap() >= 1_000);
    assert_eq!(restart["eventId"], last);
    socket.expect_closed().await;
    one.stop().await;
    let mut socket = two.subscribed(&account).await;
    world.send(&account, &mail("m2")).await;
    let told = socket.expect_many("notification:new_message", 2).await;
    assert_eq!(ids(&told), ["m1", "m2"]);
}
