//! What an event id says of each room, and what it never says.

use postrider_storage::Statement;
use serde_json::{Value, json};

use crate::client::Socket;
use crate::harness::{Replica, World, settings};
use crate::producer::{Account, mail, sync_completed};
use crate::tokens;

const NOTIFICATIONS: &str = "user:u1:notifications";
const SYNC: &str = "user:u1:sync";

async fn resumed(replica: &Replica, account: &Account, last: &Value) -> Socket {
    let auth = json!({ "token": tokens::client(account), "lastEventId": last });
    let mut socket = Socket::connect(&replica.socket_url, &auth).await;
    socket.expect("authenticated").await;
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_resumed_where_it_was_and_not_where_the_other_one_was() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let mut socket = replica.authenticated(&account).await;
    socket.subscribe(SYNC).await;
    world.send(&account, &mail("m1")).await;
    world.send(&account, &sync_completed("r1", "first")).await;
    let last = socket.expect("notification:sync_complete").await["eventId"].clone();
    assert!(last.as_str().unwrap().ends_with("-s2"), "{last}");
    drop(socket);
    // The mail is older than what the client has of the other room, and it never had it.
    let mut socket = resumed(&replica, &account, &last).await;
    socket.subscribe(SYNC).await;
    socket.subscribe(NOTIFICATIONS).await;
    let event = socket.expect("notification:new_message").await;
    assert_eq!((&event["messageId"], &event["replayed"]), (&json!("m1"), &json!(true)));
    assert!(event["eventId"].as_str().unwrap().ends_with("-n1s2"), "{event}");
    let last = socket.expect("notification:unread_count").await["eventId"].clone();
    assert!(last.as_str().unwrap().ends_with("-n2s2u"), "{last}");
    drop(socket);
    // Now it has both, in whatever order it subscribes.
    world.send(&account, &mail("m2")).await;
    world.notified(&account, 3).await;
    let mut socket = resumed(&replica, &account, &last).await;
    socket.subscribe(NOTIFICATIONS).await;
    assert_eq!(socket.expect("notification:new_message").await["messageId"], "m2");
    socket.subscribe(SYNC).await;
    socket.expect_silence().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_an_earlier_version_loses_nothing_of_either_room() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &mail("m1")).await;
    world.send(&account, &sync_completed("r1", "first")).await;
    world.notified(&account, 2).await;
    let epoch = crate::watermark::head(&world, &account).await.epoch.simple();
    // A count was for the room of notifications; it says nothing of the other.
    let mut counted = resumed(&replica, &account, &json!(format!("{epoch}-2u"))).await;
    counted.subscribe(NOTIFICATIONS).await;
    counted.expect_silence().await;
    counted.subscribe(SYNC).await;
    assert_eq!(counted.expect("notification:sync_complete").await["nseq"], 2);
    let mut plain = resumed(&replica, &account, &json!(format!("{epoch}-2"))).await;
    plain.subscribe(SYNC).await;
    assert_eq!(plain.expect("notification:sync_complete").await["nseq"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_id_is_ahead_of_what_was_sent_when_the_log_cannot_be_read() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.fill(&account, 3).await;
    let first = replica.subscribed(&account).await.expect("notification:new_message").await["eventId"].clone();
    let admin = world.db.admin().await;
    let run = async |text: &str| Statement::dynamic(text.to_owned()).execute(&admin).await.unwrap();
    run("REVOKE SELECT ON notification.user_log FROM notification_tenant").await;
    let mut socket = resumed(&replica, &account, &first).await;
    socket.subscribe(NOTIFICATIONS).await;
    // The head is known, the entries behind the client's place are not: a count that stands behind them must wait.
    assert_eq!(socket.rest().await, []);
    run("GRANT SELECT ON notification.user_log TO notification_tenant").await;
    // Nobody hints and the check is far away: housekeeping tries again.
    let told = socket.expect_many("notification:new_message", 2).await;
    assert_eq!([&told[0]["nseq"], &told[1]["nseq"]], [2, 3]);
    assert_eq!(socket.expect("notification:unread_count").await["nseq"], 3);
}
