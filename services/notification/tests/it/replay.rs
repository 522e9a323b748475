//! What came while nobody listened.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{Clock, SystemClock};
use notification::jobs::prune;
use notification::socket::Settings;
use serde_json::{Value, json};

use crate::client::Socket;
use crate::harness::{World, settings};
use crate::producer::{Account, mail};
use crate::tokens;

const ROOM: &str = "user:u1:notifications";

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["messageId"].as_str().unwrap()).collect()
}

async fn resumed(world: &World, url: &str, account: &Account, last: &Value) -> Socket {
    let _ = world;
    let auth = json!({ "token": tokens::client(account), "lastEventId": last });
    let mut socket = Socket::connect(url, &auth).await;
    socket.expect("authenticated").await;
    socket.subscribe(ROOM).await;
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_offline_is_replayed_in_order_and_once() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.fill(&account, 450).await;
    let mut socket = replica.subscribed(&account).await;
    let last = socket.expect_many("notification:new_message", 3).await[2]["eventId"].clone();
    drop(socket);
    let expected: Vec<String> = (3..450).map(|n| format!("m{n}")).collect();
    let mut socket = resumed(&world, &replica.socket_url, &account, &last).await;
    let replayed = socket.expect_many("notification:new_message", 447).await;
    assert_eq!(ids(&replayed), expected);
    let numbers: Vec<i64> = replayed.iter().map(|event| event["nseq"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (4..=450).collect::<Vec<_>>());
    assert!(replayed.iter().all(|event| event["replayed"] == true));
    let count = socket.expect("notification:unread_count").await;
    assert_eq!(count["unreadCount"], 450);
    // Live goes on without a seam, unmarked.
    world.send(&account, &mail("after")).await;
    let event = socket.expect("notification:new_message").await;
    assert_eq!((&event["nseq"], event.get("replayed")), (&json!(451), None));
    socket.expect_silence().await;
    // From the count's own id nothing is left but what came after it.
    let mut socket = resumed(&world, &replica.socket_url, &account, &count["eventId"]).await;
    assert_eq!(ids(&socket.expect_many("notification:new_message", 1).await), ["after"]);
    socket.expect_silence().await;
}

async fn watermark(world: &World, account: &Account) -> i64 {
    let mut tx = world.db.db.tenant(&account.tenant).await.unwrap();
    let head = notification::store::users::find(&mut tx, &account.tenant, &account.user).await.unwrap();
    tx.commit().await.unwrap();
    head.unwrap().watermark_notifications
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_event_id_the_watermark_decides() {
    let world = World::new().await;
    let quick = Settings {
        ping_interval: Duration::from_millis(500),
        ping_timeout: Duration::from_millis(2_500),
        ..settings()
    };
    let replica = world.replica(quick).await;
    let account = Account::new("t1", "u1");
    // Before any socket there ever was: nothing is lost.
    world.send(&account, &mail("m1")).await;
    world.notified(&account, 1).await;
    let mut socket = replica.subscribed(&account).await;
    assert_eq!(ids(&socket.expect_many("notification:new_message", 1).await), ["m1"]);
    drop(socket);
    // Cut right away: perhaps it was not received, so it comes again.
    let mut socket = replica.subscribed(&account).await;
    assert_eq!(ids(&socket.expect_many("notification:new_message", 1).await), ["m1"]);
    world.send(&account, &mail("m2")).await;
    socket.expect("notification:new_message").await;
    // It outlives a ping interval and timeout, answering pings: now it is certain.
    let end = tokio::time::Instant::now() + crate::harness::SOON;
    while watermark(&world, &account).await < 2 {
        assert!(tokio::time::Instant::now() < end && !socket.closed, "the watermark does not move");
        socket.next(Duration::from_millis(100)).await;
    }
    drop(socket);
    world.send(&account, &mail("m3")).await;
    world.notified(&account, 3).await;
    let mut socket = replica.subscribed(&account).await;
    assert_eq!(ids(&socket.expect_many("notification:new_message", 1).await), ["m3"]);
    socket.expect_silence().await;
    // A proper good-bye a moment later counts as received.
    tokio::time::sleep(Duration::from_millis(150)).await;
    socket.disconnect().await;
    testing::eventually("a quiet return", crate::harness::SOON, || async {
        let mut socket = replica.subscribed(&account).await;
        let quiet = socket.rest().await.is_empty();
        quiet.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_the_retention_asks_for_a_resync() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let mut socket = replica.subscribed(&account).await;
    world.send(&account, &mail("m1")).await;
    let first = socket.expect("notification:new_message").await["eventId"].clone();
    world.send(&account, &mail("m2")).await;
    let second = socket.expect("notification:new_message").await["eventId"].clone();
    drop(socket);
    let gone = prune(&world.db.db, SystemClock.now() + TimeDelta::days(1)).await.unwrap();
    assert_eq!(gone, 2);
    world.send(&account, &mail("m3")).await;
    world.notified(&account, 3).await;
    let mut socket = resumed(&world, &replica.socket_url, &account, &first).await;
    let resync = socket.expect("resync_required").await;
    assert_eq!((&resync["nseq"], &resync["unreadCount"]), (&json!(3), &json!(3)));
    assert_eq!(resync["reason"], "older_than_retention");
    socket.expect_silence().await;
    // The second one was the last that is gone: nothing is missing behind it.
    let mut socket = resumed(&world, &replica.socket_url, &account, &second).await;
    assert_eq!(ids(&socket.expect_many("notification:new_message", 1).await), ["m3"]);
    for foreign in [json!("42"), json!("00000000000000000000000000000000-1"), json!("x".repeat(500))] {
        let mut socket = resumed(&world, &replica.socket_url, &account, &foreign).await;
        socket.expect("resync_required").await;
        world.send(&account, &mail(&format!("after {foreign}"))).await;
        socket.expect("notification:new_message").await;
    }
}
