//! Many accounts: one that fails must not hold the others, two replicas share them.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::{Account, World};
use futures_util::future::join_all;
use postrider::stack::Member;
use serde_json::json;

const LONG: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn fifty_mailboxes_one_failing_two_replicas_one_killed() {
    let mut world = World::start(29_000).await;
    let addresses: Vec<String> = (0..50).map(|n| format!("box{n}@example.com")).collect();
    for (seed, address) in (0_u64..).zip(&addresses) {
        world.sim.mailbox(address, 5, seed).await;
    }
    world.sim.fault(json!({"account": addresses[0], "rate": 1.0, "status": 500})).await;
    let mut accounts = Vec::new();
    for address in &addresses {
        accounts.push(Account::connect(&world, "acme", "ann", address).await);
    }
    let healthy = &accounts[1..];
    join_all(healthy.iter().map(|account| account.first_sync(&world, LONG))).await;
    world.stack.start_replica(Member::SyncWorker, 1).unwrap();
    world.stack.wait_ready_replica(Member::SyncWorker, 1).await.unwrap();
    let mut live: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for account in healthy {
        live.entry(&account.address).or_default().extend(world.sim.deliver(&account.address, 1).await);
    }
    world.stack.kill9(Member::SyncWorker, 0).await.unwrap();
    for account in healthy {
        live.entry(&account.address).or_default().extend(world.sim.deliver(&account.address, 1).await);
    }
    // The killed one's leases end after 30 s at the latest.
    for account in healthy {
        account.mirror_equals_truth(&world, Duration::from_secs(90)).await;
        account.notified_once(&world, &live[account.address.as_str()], Duration::from_secs(60)).await;
    }
    // The failing one recovers by itself once Google does.
    world.sim.clear_faults().await;
    world.stack.start(Member::SyncWorker).unwrap();
    world.stack.wait_ready(Member::SyncWorker).await.unwrap();
    let asked = accounts[0].client.post(&format!("/gmail/sync?user_email={}", addresses[0]), json!({})).await;
    assert!(asked["sync_run_id"].is_string());
    accounts[0].mirror_equals_truth(&world, LONG).await;
}
