//! kill -9 at bad moments, and a frozen process: the mirror equals the truth, each live mail has one notification.

use std::collections::BTreeSet;
use std::time::Duration;

use postrider_cli::stack::Member;
use postrider_e2e::flood::Flood;
use postrider_e2e::{Account, World, mirror, within};
use serde_json::json;

const LONG: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_full_and_of_an_incremental_sync() {
    let mut world = World::start().await;
    let address = "kills@example.com";
    world.sim.mailbox(address, 1_500, 11).await;
    world.sim.fault(json!({"method": "messages.get", "account": address, "rate": 1.0, "latency_ms": 10})).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    let conn = world.admin().await;
    for stored in [200, 600, 1_000] {
        within(LONG, "the full sync goes on", async || mirror::count(&conn, account.connector).await >= stored).await;
        assert!(!mirror::first_synced(&conn, account.connector).await);
        world.stack.kill9(Member::SyncWorker, 0).await.unwrap();
        world.restart(Member::SyncWorker).await;
    }
    let mut live = world.sim.deliver(address, 5).await;
    account.first_sync(&world, LONG).await;
    account.mirror_equals_truth(&world, LONG).await;
    // Incremental: 200 new mails at 10 ms each take a while; the worker dies in the middle of them.
    for _ in 0..3 {
        let before = mirror::count(&conn, account.connector).await;
        live.extend(world.sim.deliver(address, 100).await);
        within(LONG, "the incremental sync goes on", async || {
            mirror::count(&conn, account.connector).await > before + 5
        })
        .await;
        world.stack.kill9(Member::SyncWorker, 0).await.unwrap();
        world.restart(Member::SyncWorker).await;
    }
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;
    assert_eq!(mirror::notifications_of(&conn, account.connector, "sync_complete").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_and_ingest_and_connector_killed_under_load() {
    let mut world = World::start().await;
    let mut accounts = Vec::new();
    for n in 0..6 {
        let address = format!("load{n}@example.com");
        world.sim.mailbox(&address, 20, 12 + n).await;
        accounts.push(Account::connect(&world, "acme", "ann", &address).await);
    }
    for account in &accounts {
        account.first_sync(&world, LONG).await;
    }
    // Pushes from before sync-worker knew the mailbox have nowhere to stand; what they told is in the first sync.
    let early = world.sim.acknowledged().await;
    let flood = Flood::start(&world, &accounts[0].address).await;
    let mut live = vec![Vec::new(); accounts.len()];
    for member in [Member::Notification, Member::Ingest, Member::Connector, Member::Notification, Member::Ingest] {
        deliver(&world, &accounts, &mut live).await;
        flood.goes_on(200).await;
        let refused = flood.refused();
        world.stack.kill9(member, 0).await.unwrap();
        deliver(&world, &accounts, &mut live).await;
        world.restart(member).await;
        flood.goes_on(200).await;
        // It died with pushes in its hands: those were told so.
        assert!(member != Member::Ingest || flood.refused() > refused, "the intake had nothing to do");
    }
    let flooded = flood.stop().await;
    for (account, live) in accounts.iter().zip(&live) {
        account.mirror_equals_truth(&world, LONG).await;
        account.notified_once(&world, live, LONG).await;
    }
    let connectors = accounts[0].client.get("/api/connectors").await;
    let connectors = connectors["data"].as_array().unwrap();
    assert_eq!(connectors.len(), accounts.len());
    assert!(connectors.iter().all(|connector| connector["status"] == "active"), "{connectors:?}");
    // No 202 was lost: every push that was acknowledged, the simulator's and ours, is a row of the queue.
    let simulated: BTreeSet<String> = world.sim.acknowledged().await.difference(&early).cloned().collect();
    assert!(!simulated.is_empty() && flooded.len() >= 2_000, "{} and {} pushes", simulated.len(), flooded.len());
    every_push_is_queued(&world, &simulated.union(&flooded).cloned().collect()).await;
}

async fn deliver(world: &World, accounts: &[Account], live: &mut [Vec<String>]) {
    for (account, live) in accounts.iter().zip(live) {
        live.extend(world.sim.deliver(&account.address, 5).await);
    }
}

pub async fn every_push_is_queued(world: &World, acknowledged: &BTreeSet<String>) {
    let conn = world.admin().await;
    let missing = async || {
        let queued = mirror::queued_pushes(&conn).await;
        acknowledged.difference(&queued).cloned().collect::<Vec<_>>()
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !missing().await.is_empty() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let missing = missing().await;
    let (n, first) = (missing.len(), missing.first());
    assert!(missing.is_empty(), "{n} of {} acknowledged pushes are lost, the first is {first:?}", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_replica_is_fenced_and_a_killed_one_replaced() {
    let mut world = World::start().await;
    let address = "frozen@example.com";
    world.sim.mailbox(address, 600, 13).await;
    world.sim.fault(json!({"method": "messages.get", "account": address, "rate": 1.0, "latency_ms": 50})).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    let conn = world.admin().await;
    within(LONG, "the first replica works", async || mirror::count(&conn, account.connector).await > 20).await;
    world.stack.start_replica(Member::SyncWorker, 1).unwrap();
    world.stack.wait_ready_replica(Member::SyncWorker, 1).await.unwrap();
    world.stack.freeze(Member::SyncWorker, 0, true).unwrap();
    let mut live = world.sim.deliver(address, 10).await;
    let frozen_at = mirror::count(&conn, account.connector).await;
    // The lease is 30 s: within it and the next scan the second replica takes over.
    within(Duration::from_secs(60), "the second replica takes over", async || {
        mirror::count(&conn, account.connector).await > frozen_at + 50
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
