//! What came while nobody listened.

use chrono::TimeDelta;
use postrider_domain::{Clock, SystemClock};
use postrider_notification::jobs::{prune, prune_tenant};
use serde_json::{Value, json};

use crate::client::Socket;
use crate::harness::{World, settings};
use crate::producer::{Account, mail};
use crate::tokens;
use crate::watermark::head;

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
    // Two of the log, two of the feed.
    assert_eq!(gone, 4);
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

#[tokio::test(flavor = "multi_thread")]
async fn pruning_goes_in_slices_and_every_slice_leaves_a_true_floor() {
    let world = World::new().await;
    let account = Account::new("t1", "u1");
    world.fill(&account, 250).await;
    let before = SystemClock.now() + TimeDelta::days(1);
    let floor = async || head(&world, &account).await.log_floor;
    let tx = world.db.db.tenant(&account.tenant).await.unwrap();
    assert_eq!(postrider_notification::store::log::prune(&tx, &account.tenant, before, 100).await.unwrap(), 100);
    tx.commit().await.unwrap();
    assert_eq!(world.count(&account.tenant, "user_log").await, 150);
    // All have one age, so any hundred may be gone: the floor is above them.
    assert!(floor().await >= 100);
    assert_eq!(prune_tenant(&world.db.db, &account.tenant, before, 60).await.unwrap(), 150);
    assert_eq!((world.count(&account.tenant, "user_log").await, floor().await), (0, 250));
    assert_eq!(prune(&world.db.db, before).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_never_told_anything_gets_numbered_events_too() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let [account, silent] = ["u1", "u2"].map(|user| Account::new("t1", user));
    let mut socket = resumed(&world, &replica.socket_url, &account, &json!("42")).await;
    let resync = socket.expect("resync_required").await;
    assert_eq!((&resync["reason"], &resync["unreadCount"]), (&json!("unknown_event_id"), &json!(0)));
    assert!(resync["nseq"] == 0 && resync["eventId"].as_str().unwrap().ends_with("-n0u"), "{resync}");
    // Its epoch is the one of what comes later: nothing is told twice, nothing asks for another start.
    world.send(&account, &mail("m1")).await;
    let first = socket.expect("notification:new_message").await;
    let epoch = |event: &Value| event["eventId"].as_str().unwrap().split_once('-').unwrap().0.to_owned();
    assert_eq!((epoch(&first), &first["nseq"]), (epoch(&resync), &json!(1)));
    // A socket that subscribed to nothing hears of the restart with the place it would have started from.
    let mut silent = replica.authenticated(&silent).await;
    replica.cx.shutdown.stop_softly();
    let restart = silent.expect("server_restart").await;
    assert!(restart["nseq"] == 0 && restart["eventId"].as_str().unwrap().ends_with("-n0s0"), "{restart}");
}
