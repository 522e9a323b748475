//! What counts as received where no client says what it has.

use std::time::Duration;

use postrider_notification::channels::socket::Settings;
use postrider_notification::store::users::{self, Head};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::Socket;
use crate::harness::{SOON, World, settings};
use crate::producer::{Account, connected, mail};
use crate::tokens;

const ROOM: &str = "user:u1:notifications";

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["messageId"].as_str().unwrap()).collect()
}

/// Pings in quick succession, so that what was emitted is soon certain.
fn quick() -> Settings {
    Settings { ping_interval: Duration::from_millis(500), ping_timeout: Duration::from_millis(2_500), ..settings() }
}

/// The user's row.
pub async fn head(world: &World, account: &Account) -> Head {
    let tx = world.db.db.tenant(&account.tenant).await.unwrap();
    let head = users::find(&tx, &account.tenant, &account.user).await.unwrap();
    tx.commit().await.unwrap();
    head.unwrap()
}

async fn watermark(world: &World, account: &Account) -> i64 {
    head(world, account).await.watermark_notifications
}

/// Answers pings until the watermark is there.
async fn confirmed(world: &World, account: &Account, socket: &mut Socket, place: i64) {
    let end = Instant::now() + SOON;
    while watermark(world, account).await < place {
        assert!(Instant::now() < end && !socket.closed, "the watermark does not move");
        socket.next(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_event_id_the_watermark_decides() {
    let world = World::new().await;
    let replica = world.replica(quick()).await;
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
    // It outlives the time within which it must have answered a later ping: now it is certain.
    confirmed(&world, &account, &mut socket, 2).await;
    drop(socket);
    world.send(&account, &mail("m3")).await;
    world.notified(&account, 3).await;
    let mut socket = replica.subscribed(&account).await;
    assert_eq!(ids(&socket.expect_many("notification:new_message", 1).await), ["m3"]);
    socket.expect_silence().await;
    confirmed(&world, &account, &mut socket, 3).await;
    socket.disconnect().await;
    let mut socket = replica.subscribed(&account).await;
    assert_eq!(socket.rest().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_bye_does_not_say_what_arrived() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let mut socket = replica.subscribed(&account).await;
    world.send(&account, &mail("m1")).await;
    // For all the server knows the mail may still lie in a buffer, however long ago it was emitted.
    socket.rest().await;
    socket.disconnect().await;
    postrider_testing::eventually("the end of the socket", SOON, || async {
        (replica.metric("postrider_sockets") == 0.0).then_some(())
    })
    .await;
    assert_eq!(watermark(&world, &account).await, 0);
    let mut socket = replica.subscribed(&account).await;
    assert_eq!(ids(&socket.expect_many("notification:new_message", 1).await), ["m1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_narrowed_socket_skipped_reaches_a_later_one() {
    let world = World::new().await;
    let replica = world.replica(quick()).await;
    let one = Account::new("t1", "u1");
    let two = Account { id: Account::new("t1", "u1").id, ..one.clone() };
    for (account, id) in [(&one, "m1"), (&two, "m2"), (&one, "m3")] {
        world.send(account, &connected(account, 1)).await;
        world.send(account, &mail(id)).await;
        world.notified(account, i64::from(id.as_bytes()[1] - b'0')).await;
    }
    let narrowed = async |last: Option<&Value>| {
        let auth = json!({ "token": tokens::client(&one), "accountId": one.id, "lastEventId": last });
        let mut socket = Socket::connect(&replica.socket_url, &auth).await;
        socket.expect("authenticated").await;
        socket.subscribe(ROOM).await;
        socket
    };
    let mut socket = narrowed(None).await;
    let told = socket.expect_many("notification:new_message", 2).await;
    assert_eq!(ids(&told), ["m1", "m3"]);
    // All that was emitted becomes certain together; what was skipped in between, and so all behind it, does not.
    confirmed(&world, &one, &mut socket, 1).await;
    assert_eq!(watermark(&world, &one).await, 1);
    drop(socket);
    // Nor does its id prove more, whoever gives it back.
    let last = &told[1]["eventId"];
    assert!(last.as_str().unwrap().ends_with("-n3p"), "{last}");
    narrowed(Some(last)).await.expect_silence().await;
    let auth = json!({ "token": tokens::client(&one), "lastEventId": last });
    let mut whole = Socket::connect(&replica.socket_url, &auth).await;
    whole.expect("authenticated").await;
    whole.subscribe(ROOM).await;
    whole.expect_silence().await;
    assert_eq!(watermark(&world, &one).await, 1);
    let mut later = replica.subscribed(&one).await;
    let told = later.expect_many("notification:new_message", 2).await;
    assert_eq!(ids(&told), ["m2", "m3"]);
    // A socket that received all of it confirms all of it.
    confirmed(&world, &one, &mut later, 3).await;
}
