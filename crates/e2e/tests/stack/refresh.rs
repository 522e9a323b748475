//! kill -9 of connector while it waits for Google's answer to a refresh.

use std::time::Duration;

use diesel_async::AsyncPgConnection;
use postrider_cli::stack::Member;
use postrider_e2e::{Account, World, mirror, within};
use postrider_storage::sql;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

const LONG: Duration = Duration::from_secs(240);
/// How long Google thinks about a refresh: time enough to find the moment, and less than connector waits (10 s).
const SLOW: Duration = Duration::from_secs(5);

postrider_storage::row! {
    #[derive(Debug)]
    struct Credential {
        version: i64,
        /// Somebody has claimed the refresh and waits.
        refreshing: bool,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_a_refresh_the_grant_survives() {
    let (mut world, account) = connected("refresh@example.com").await;
    let conn = world.admin().await;
    let (live, version) = killed_in_a_refresh(&mut world, &conn, &account).await;
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;
    assert!(credential(&conn, account.connector).await.version > version, "nothing was refreshed");
    assert_eq!(status(&account).await, "active");
}

/// A provider that rotates refresh tokens has used the old one up by the time connector is dead, and the new one was in
/// the answer nobody read. Google does not rotate; connector's README says that this costs a new consent. So the account
/// must say so, and be whole after it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_a_rotating_refresh_the_account_asks_for_a_new_consent() {
    let (mut world, account) = connected("rotate@example.com").await;
    let conn = world.admin().await;
    world.sim.put("/oauth", json!({"rotate_refresh": true})).await;
    let (live, _) = killed_in_a_refresh(&mut world, &conn, &account).await;
    within(LONG, "the owner is asked for a new consent", async || status(&account).await == "reauth_required").await;
    within(LONG, "sync-worker knows it", async || mirror::status(&conn, account.connector).await == "reauth_required")
        .await;
    let again = Account::connect(&world, "acme", "ann", &account.address).await;
    assert_eq!(again.connector, account.connector);
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;
    assert_eq!(status(&account).await, "active");
    // From here on rotation goes well.
    let before = credential(&conn, account.connector).await.version;
    world.sim.post("/revoke", json!({"account": account.address, "how": "access_only"})).await;
    let live = world.sim.deliver(&account.address, 1).await;
    account.notified_once(&world, &live, LONG).await;
    assert!(credential(&conn, account.connector).await.version > before);
    assert_eq!(status(&account).await, "active");
}

async fn connected(address: &str) -> (World, Account) {
    let world = World::start().await;
    world.sim.mailbox(address, 20, 31).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    account.first_sync(&world, LONG).await;
    (world, account)
}

/// Makes the access token worthless, delivers a mail, and kills connector between its question and Google's answer.
/// Connector runs again afterwards. Returns the mail and the version of the credential nobody could replace.
async fn killed_in_a_refresh(world: &mut World, conn: &AsyncPgConnection, account: &Account) -> (Vec<String>, i64) {
    let before = credential(conn, account.connector).await;
    let latency = u64::try_from(SLOW.as_millis()).unwrap();
    let slow = world.sim.fault(json!({"method": "oauth.token", "rate": 1.0, "latency_ms": latency})).await;
    let asked = world.sim.calls("oauth.token").await;
    world.sim.post("/revoke", json!({"account": account.address, "how": "access_only"})).await;
    let live = world.sim.deliver(&account.address, 1).await;
    let mut not_yet = Instant::now();
    let deadline = not_yet + Duration::from_secs(60);
    while world.sim.calls("oauth.token").await == asked {
        not_yet = Instant::now();
        assert!(not_yet < deadline, "nobody refreshes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let at_work = credential(conn, account.connector).await;
    world.stack.kill9(Member::Connector, 0).await.unwrap();
    assert!(not_yet.elapsed() < SLOW, "Google had answered before the kill: the test proves nothing");
    assert!(at_work.refreshing, "{at_work:?}");
    assert_eq!(credential(conn, account.connector).await.version, before.version);
    world.sim.remove_fault(slow).await;
    world.restart(Member::Connector).await;
    (live, before.version)
}

async fn credential(conn: &AsyncPgConnection, connector: Uuid) -> Credential {
    sql("SELECT version, coalesce(refreshing_until > clock_timestamp(), false) AS refreshing \
         FROM connector.credentials WHERE connector_id = $1")
    .bind(connector)
    .get_result(conn)
    .await
    .unwrap()
}

async fn status(account: &Account) -> String {
    let connector = account.client.get(&format!("/api/connectors/{}", account.connector)).await;
    connector["status"].as_str().unwrap_or_default().to_owned()
}
