//! Replays in acknowledged batches, for clients that ask for them.

use postrider_notification::channels::socket::Settings;
use serde_json::{Value, json};

use crate::client::Socket;
use crate::harness::{Replica, SOON, World, settings};
use crate::producer::{Account, mail};
use crate::tokens;

/// More than two batches.
const MISSED: i64 = 230;

/// One that was away since the beginning, and wants batches.
async fn back(replica: &Replica, account: &Account, last: Option<&Value>) -> Socket {
    let auth = json!({ "token": tokens::client(account), "replay": "batch", "lastEventId": last });
    let mut socket = Socket::connect(&replica.socket_url, &auth).await;
    socket.expect("authenticated").await;
    socket.emit("subscribe", &json!({ "room": "user:u1:notifications" })).await;
    socket
}

fn ids(batch: &Value) -> Vec<String> {
    let events = batch["events"].as_array().unwrap();
    assert!(events.iter().all(|one| one["event"] == "notification:new_message" && one["data"]["replayed"] == true));
    events.iter().map(|one| one["data"]["messageId"].as_str().unwrap().to_owned()).collect()
}

fn missed(numbers: std::ops::Range<i64>) -> Vec<String> {
    numbers.map(|n| format!("m{n}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_batch_comes_when_the_last_is_acknowledged_and_then_what_is_live() {
    let world = World::new().await;
    let replica = world.replica(Settings { acknowledge_within: SOON, ..settings() }).await;
    let account = Account::new("t1", "u1");
    world.fill(&account, MISSED).await;
    let mut socket = back(&replica, &account, None).await;
    assert_eq!(ids(&socket.expect("replay").await), missed(0..100));
    // Nothing goes on before it says that it has them, whatever happens meanwhile.
    world.send(&account, &mail("live")).await;
    world.notified(&account, MISSED + 1).await;
    assert!(socket.rest().await.is_empty());
    socket.acknowledge().await;
    let second = socket.expect("replay").await;
    assert_eq!(ids(&second), missed(100..200));
    socket.acknowledge().await;
    let third = socket.expect("replay").await;
    assert_eq!(ids(&third).first_chunk::<30>().unwrap().as_slice(), missed(200..230));
    socket.acknowledge().await;
    // The one that came meanwhile ends the replay or follows it, once.
    let live = match third["events"].as_array().unwrap().get(30) {
        Some(read) => read["data"].clone(),
        None => socket.expect("notification:new_message").await,
    };
    assert_eq!((&live["messageId"], &live["nseq"]), (&json!("live"), &json!(MISSED + 1)));
    assert_eq!(socket.expect("notification:unread_count").await["unreadCount"], MISSED + 1);
    world.send(&account, &mail("later")).await;
    let later = socket.expect("notification:new_message").await;
    assert_eq!((&later["messageId"], later.get("replayed")), (&json!("later"), None));
    // Every entry says where its reader is: from the last of the second batch on it is the third.
    let last = &second["events"][99]["data"]["eventId"];
    let mut again = back(&replica, &account, Some(last)).await;
    assert_eq!(ids(&again.expect("replay").await)[..30], missed(200..230));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acknowledges_nothing_is_cut_and_loses_nothing() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.fill(&account, MISSED).await;
    let mut socket = back(&replica, &account, None).await;
    assert_eq!(ids(&socket.expect("replay").await), missed(0..100));
    socket.expect_closed().await;
    assert_eq!(replica.metric("postrider_sockets_cut_total"), 1.0);
    let mut again = back(&replica, &account, None).await;
    assert_eq!(ids(&again.expect("replay").await), missed(0..100));
    // A stop does not wait for it either.
    tokio::time::timeout(SOON, replica.stop()).await.expect("the replica stops");
}
