//! Many accounts: one that fails must not hold the others, two replicas share them, one dies with mailboxes in work.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use futures_util::future::join_all;
use postrider_cli::stack::Member;
use postrider_e2e::{Account, World, leases, mirror, within};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

const LONG: Duration = Duration::from_secs(240);
/// `LEASE_SECONDS` of the engine: a replica that is gone keeps its mailboxes no longer.
const LEASE: Duration = Duration::from_secs(30);
/// The engine looks for due mailboxes this often.
const SCAN: Duration = Duration::from_secs(1);
/// 49 mailboxes at once on a small machine.
const MARGIN: Duration = Duration::from_secs(9);

#[tokio::test(flavor = "multi_thread")]
async fn fifty_mailboxes_one_failing_two_replicas_one_killed() {
    let mut world = World::start().await;
    let addresses: Vec<String> = (0..50).map(|n| format!("box{n}@example.com")).collect();
    for (seed, address) in (0_u64..).zip(&addresses) {
        world.sim.mailbox(address, 5, seed).await;
    }
    let failing = world.sim.fault(json!({"account": addresses[0], "rate": 1.0, "status": 500})).await;
    let mut accounts = Vec::new();
    for address in &addresses {
        accounts.push(Account::connect(&world, "acme", "ann", address).await);
    }
    let healthy = &accounts[1..];
    join_all(healthy.iter().map(|account| account.first_sync(&world, LONG))).await;
    let conn = world.admin().await;

    // Both replicas have mailboxes in work, held open by a slow Google.
    let alone = the_only_owner(&world, &conn, healthy).await;
    world.stack.start_replica(Member::SyncWorker, 1).unwrap();
    world.stack.wait_ready_replica(Member::SyncWorker, 1).await.unwrap();
    let slow = world.sim.fault(json!({"method": "history.list", "rate": 1.0, "latency_ms": 4_000})).await;
    let before_kill = until_two_work(&world, &conn, healthy, &alone).await;

    // The first one dies; its leases are left behind.
    let killed_at = Instant::now();
    world.stack.kill9(Member::SyncWorker, 0).await.unwrap();
    let left: Vec<_> = leases::held(&conn).await.into_iter().filter(|lease| lease.owner == alone).collect();
    assert!(!left.is_empty(), "the replica died with nothing in work: the test proves nothing");
    world.sim.remove_fault(slow).await;
    let after_kill = deliver_to_all(&world, healthy).await;
    // One deadline for all of them together, counted from the kill.
    let limit = (LEASE + SCAN + MARGIN).saturating_sub(killed_at.elapsed());
    within(limit, "every healthy account has its new mail and the notification of it", async || {
        let (stored, told) = (mirror::stored(&conn).await, mirror::told(&conn).await);
        after_kill.iter().all(|mail| stored.contains(mail) && told.contains(mail))
    })
    .await;
    let epochs = leases::epochs(&conn).await;
    for lease in &left {
        assert!(epochs[&lease.connector_id] > lease.epoch, "{lease:?} was never taken over");
    }
    assert!(!leases::owners(&conn).await.contains(&alone), "the dead replica still holds a lease");
    for account in healthy {
        account.mirror_equals_truth(&world, Duration::from_secs(30)).await;
        let both = before_kill.union(&after_kill);
        let mails: Vec<_> = both.filter(|(id, _)| *id == account.connector).map(|(_, mail)| mail.clone()).collect();
        account.notified_once(&world, &mails, Duration::from_secs(30)).await;
    }

    // The failing one recovers by itself once Google does.
    world.sim.remove_fault(failing).await;
    world.restart(Member::SyncWorker).await;
    let asked = accounts[0].client.post(&format!("/gmail/sync?user_email={}", addresses[0]), json!({})).await;
    assert!(asked["sync_run_id"].is_string());
    accounts[0].mirror_equals_truth(&world, LONG).await;
}

/// The name of the only replica that runs: it is caught with a lease in its hand.
async fn the_only_owner(world: &World, conn: &AsyncPgConnection, accounts: &[Account]) -> String {
    world.sim.fault(json!({"method": "history.list", "rate": 1.0, "latency_ms": 1_000, "count": 1})).await;
    world.sim.deliver(&accounts[0].address, 1).await;
    postrider_testing::eventually("a lease is held", Duration::from_secs(20), || async {
        leases::owners(conn).await.into_iter().next()
    })
    .await
}

/// Delivers until both replicas hold leases at the same moment: one scan may take all that is due, so one round may not
/// do. Returns the mails.
async fn until_two_work(
    world: &World,
    conn: &AsyncPgConnection,
    accounts: &[Account],
    first: &str,
) -> BTreeSet<(Uuid, String)> {
    let mut mails = BTreeSet::new();
    for _ in 0..5 {
        mails.extend(deliver_to_all(world, accounts).await);
        let round = Instant::now();
        while round.elapsed() < Duration::from_secs(6) {
            let owners = leases::owners(conn).await;
            if owners.len() == 2 && owners.contains(first) {
                return mails;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    panic!("two replicas never had mailboxes in work at the same time: {:?}", leases::owners(conn).await);
}

/// One mail for each account.
async fn deliver_to_all(world: &World, accounts: &[Account]) -> BTreeSet<(Uuid, String)> {
    let mut mails = BTreeSet::new();
    for account in accounts {
        mails.extend(world.sim.deliver(&account.address, 1).await.into_iter().map(|id| (account.connector, id)));
    }
    mails
}
