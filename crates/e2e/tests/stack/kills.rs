//! kill -9 at bad moments, and a frozen process: the mirror equals the truth, each live mail has one notification.

use std::time::Duration;

use e2e::{Account, World, mirror, within};
use postrider::stack::Member;
use serde_json::json;

const LONG: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_full_and_of_an_incremental_sync() {
    let mut world = World::start(20_000).await;
    let address = "kills@example.com";
    world.sim.mailbox(address, 1_500, 11).await;
    world.sim.fault(json!({"method": "messages.get", "account": address, "rate": 1.0, "latency_ms": 10})).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    let mut conn = world.admin().await;
    for stored in [200, 600, 1_000] {
        within(LONG, "the full sync goes on", async || mirror::count(&mut conn, account.connector).await >= stored)
            .await;
        assert!(!mirror::first_synced(&mut conn, account.connector).await);
        world.stack.kill9(Member::SyncWorker, 0).await.unwrap();
        world.stack.start(Member::SyncWorker).unwrap();
        world.stack.wait_ready(Member::SyncWorker).await.unwrap();
    }
    let mut live = world.sim.deliver(address, 5).await;
    account.first_sync(&world, LONG).await;
    account.mirror_equals_truth(&world, LONG).await;
    // Incremental: 200 new mails at 10 ms each take a while; the worker dies in the middle of them.
    for _ in 0..3 {
        let before = mirror::count(&mut conn, account.connector).await;
        live.extend(world.sim.deliver(address, 100).await);
        within(LONG, "the incremental sync goes on", async || {
            mirror::count(&mut conn, account.connector).await > before + 5
        })
        .await;
        world.stack.kill9(Member::SyncWorker, 0).await.unwrap();
        world.stack.start(Member::SyncWorker).unwrap();
        world.stack.wait_ready(Member::SyncWorker).await.unwrap();
    }
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;
    assert_eq!(mirror::notifications_of(&mut conn, account.connector, "sync_complete").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_and_ingest_and_connector_killed_under_load() {
    let mut world = World::start(23_000).await;
    let address = "load@example.com";
    world.sim.mailbox(address, 50, 12).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    account.first_sync(&world, LONG).await;
    let mut live = Vec::new();
    for (round, member) in
        [Member::Notification, Member::Ingest, Member::Connector, Member::Notification, Member::Ingest]
            .into_iter()
            .enumerate()
    {
        live.extend(world.sim.deliver(address, 20).await);
        if member == Member::Connector {
            // A refresh is under way when it dies: the grant must survive.
            world.sim.fault(json!({"method": "oauth.token", "rate": 1.0, "latency_ms": 300, "count": 3})).await;
        }
        live.extend(world.sim.deliver(address, 20).await);
        world.stack.kill9(member, 0).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        live.extend(world.sim.deliver(address, 20).await);
        world.stack.start(member).unwrap();
        world.stack.wait_ready(member).await.unwrap();
    }
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;
    let connectors = account.client.get("/api/connectors").await;
    assert_eq!(connectors["data"][0]["status"], "active");
    // No 202 was lost: every push the simulator saw acknowledged is a queue row (pushes of the same second coalesce
    // at the simulator, so each acknowledged one has its own message id).
    let pushes = world.sim.call(reqwest::Method::GET, "/pushes", serde_json::Value::Null).await;
    let acked: std::collections::BTreeSet<&str> = pushes["log"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["acked"] == true)
        .filter_map(|line| line["message_id"].as_str())
        .collect();
    let mut conn = world.admin().await;
    let expected = i64::try_from(acked.len()).unwrap();
    within(LONG, "every acknowledged push is recorded", async || {
        mirror::pushes(&mut conn, account.connector).await >= expected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_replica_is_fenced_and_a_killed_one_replaced() {
    let mut world = World::start(26_000).await;
    let address = "frozen@example.com";
    world.sim.mailbox(address, 600, 13).await;
    world.sim.fault(json!({"method": "messages.get", "account": address, "rate": 1.0, "latency_ms": 50})).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    let mut conn = world.admin().await;
    within(LONG, "the first replica works", async || mirror::count(&mut conn, account.connector).await > 20).await;
    world.stack.start_replica(Member::SyncWorker, 1).unwrap();
    world.stack.wait_ready_replica(Member::SyncWorker, 1).await.unwrap();
    world.stack.freeze(Member::SyncWorker, 0, true).unwrap();
    let mut live = world.sim.deliver(address, 10).await;
    let frozen_at = mirror::count(&mut conn, account.connector).await;
    // The lease is 30 s: within it and the next scan the second replica takes over.
    within(Duration::from_secs(60), "the second replica takes over", async || {
        mirror::count(&mut conn, account.connector).await > frozen_at + 50
    })
    .await;
    world.sim.clear_faults().await;
    world.stack.freeze(Member::SyncWorker, 0, false).unwrap();
    live.extend(world.sim.deliver(address, 10).await);
    account.first_sync(&world, LONG).await;
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;
    world.stack.kill9(Member::SyncWorker, 1).await.unwrap();
    live.extend(world.sim.deliver(address, 10).await);
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;
}
