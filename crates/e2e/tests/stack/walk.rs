//! The walk of the first mail: sign-in, first sync, live changes while it runs, the official client.

use std::time::Duration;

use postrider_e2e::{Account, World, mirror, within};

const MINUTES: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn from_the_oauth_pages_to_the_official_socket_client() {
    let world = World::start().await;
    let address = "walk@example.com";
    world.sim.mailbox(address, 3_000, 7).await;
    // Slow enough that the backfill is still at work when the live changes come.
    world
        .sim
        .fault(serde_json::json!({"method": "messages.get", "account": address, "rate": 1.0, "latency_ms": 10}))
        .await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    let socket = account.socket("websocket").await;
    let polling = account.socket("polling").await;
    let conn = world.admin().await;
    within(MINUTES, "the backfill has begun", async || mirror::count(&conn, account.connector).await > 50).await;
    assert!(!mirror::first_synced(&conn, account.connector).await, "the live part must come before the end");

    // Deliver, delete, relabel, deliver: all while the backfill runs.
    let mut live = world.sim.deliver(address, 3).await;
    let old: Vec<String> = world.sim.truth(address).await.into_keys().take(40).collect();
    world.sim.delete(address, &old[..20]).await;
    world.sim.relabel(address, &old[20..], &["STARRED"], &["UNREAD"]).await;
    live.extend(world.sim.deliver(address, 3).await);
    account.notified_once(&world, &live, Duration::from_secs(60)).await;
    assert!(!mirror::first_synced(&conn, account.connector).await, "live mail must not wait for the backfill");

    world.sim.clear_faults().await;
    account.first_sync(&world, MINUTES).await;
    account.mirror_equals_truth(&world, Duration::from_secs(60)).await;
    live.extend(world.sim.deliver(address, 2).await);
    account.notified_once(&world, &live, Duration::from_secs(60)).await;

    for (name, socket) in [("websocket", &socket), ("polling", &polling)] {
        within(Duration::from_secs(20), name, async || live.iter().all(|id| socket.announced().contains_key(id))).await;
        let announced = socket.announced();
        assert_eq!(announced.len(), live.len(), "{name}: only live mail is announced");
        assert!(announced.values().all(|times| *times == 1), "{name}: {announced:?}");
        within(Duration::from_secs(20), "one sync_complete", async || {
            socket.events("notification:sync_complete").len() == 1
        })
        .await;
    }
    // The API tells the same.
    let mails = account.client.get(&format!("/api/v1/emails?message_id={}", live[0])).await;
    assert_eq!(mails["data"][0]["message_id"], live[0].as_str());
    let id = mails["data"][0]["id"].as_str().unwrap().to_owned();
    let detail = account.client.get(&format!("/api/v1/emails/{id}")).await;
    assert!(detail["headers"].as_array().is_some_and(|headers| !headers.is_empty()));
    let stats = account.client.get("/gmail/stats").await;
    assert_eq!(stats["total_emails"].as_u64().unwrap() as usize, world.sim.truth(address).await.len());
    let list = account.client.get("/api/notifications?limit=100&type=new_message").await;
    assert_eq!(list["pagination"]["total"].as_u64().unwrap() as usize, live.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_the_client_was_away_is_replayed_once_and_in_order() {
    let world = World::start().await;
    let address = "away@example.com";
    world.sim.mailbox(address, 20, 3).await;
    let account = Account::connect(&world, "acme", "ben", address).await;
    account.first_sync(&world, MINUTES).await;
    let socket = account.socket("websocket").await;
    let first = world.sim.deliver(address, 1).await;
    account.notified_once(&world, &first, Duration::from_secs(60)).await;
    within(Duration::from_secs(20), "seen live", async || socket.announced().contains_key(&first[0])).await;
    let last = socket.lines().iter().rev().find_map(|line| line.data["eventId"].as_str().map(str::to_owned)).unwrap();
    drop(socket);
    let missed = world.sim.deliver(address, 30).await;
    account.notified_once(&world, &missed, Duration::from_secs(60)).await;
    let token = world.stack.token("acme", "ben").unwrap();
    let socket = postrider_e2e::socket::Socket::connect(&world.origin(), "ben", &token, "websocket", Some(&last)).await;
    within(Duration::from_secs(20), "replayed", async || missed.iter().all(|id| socket.announced().contains_key(id)))
        .await;
    assert!(socket.announced().values().all(|times| *times == 1), "{:?}", socket.announced());
    assert!(!socket.announced().contains_key(&first[0]), "what was seen is not replayed");
    let numbers: Vec<i64> =
        socket.events("notification:new_message").iter().filter_map(|line| line.data["nseq"].as_i64()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert!(socket.events("notification:new_message").iter().all(|line| line.data["replayed"] == true));
}
