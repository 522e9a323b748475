//! All services in one process, Postgres alone beside it: the same walk, and the same promises when it dies.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use postrider_cli::demo::{MAILBOX, TENANT, USER, demonstrate, make_mailbox};
use postrider_cli::stack::Member;
use postrider_e2e::flood::Flood;
use postrider_e2e::ports::free_base;
use postrider_e2e::{Account, World, within};
use postrider_storage::sql;
use postrider_testing::large::own_memory;
use tokio::process::Command;

use crate::kills::every_push_is_queued;

const LONG: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(20);

/// Most the idle process may hold for itself.
const MOST_KB: u64 = 30 * 1_024;

async fn one_process() -> World {
    World::start_small(free_base(), |options| options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newcomers_walk_ends_with_a_live_mail_in_little_memory() {
    let world = one_process().await;
    make_mailbox(&world.stack.url(Member::GmailSim)).await.unwrap();
    let token = world.stack.token(TENANT, USER).unwrap();
    demonstrate(&world.origin(), &world.stack.url(Member::GmailSim), &token, None).await.unwrap();
    let health = reqwest::get(format!("{}/health/ready", world.stack.url(Member::AllInOne))).await.unwrap();
    let health: serde_json::Value = health.json().await.unwrap();
    for service in Member::SERVICES {
        assert_eq!(health["checks"][service.name()], "ok", "{health}");
    }
    let metrics = reqwest::get(format!("{}/metrics", world.stack.admin_url(Member::AllInOne, 0))).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for service in Member::SERVICES {
        let own = format!("service=\"{}\"", service.name());
        assert!(metrics.lines().any(|line| line.starts_with("postrider_http_") && line.contains(&own)), "{own}");
    }
    let mail = world.client(TENANT, USER).get("/api/v1/emails?limit=1").await;
    assert_eq!(mail["data"].as_array().map(Vec::len), Some(1), "{MAILBOX}: {mail}");
    let pid = world.stack.pid(Member::AllInOne, 0).unwrap();
    within(SOON, "the idle process to be small", async || own_memory(pid) <= MOST_KB).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_pushes_in_flight_it_loses_no_acknowledged_one() {
    let mut world = one_process().await;
    let address = "small@example.com";
    world.sim.mailbox(address, 20, 5).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    account.first_sync(&world, LONG).await;
    let early = world.sim.acknowledged().await;
    let flood = Flood::start(&world, address).await;
    let mut live = Vec::new();
    for _death in 0..3 {
        live.extend(world.sim.deliver(address, 3).await);
        flood.goes_on(150).await;
        let refused = flood.refused();
        world.stack.kill9(Member::AllInOne, 0).await.unwrap();
        live.extend(world.sim.deliver(address, 2).await);
        world.restart(Member::AllInOne).await;
        flood.goes_on(50).await;
        assert!(flood.refused() > refused, "it died with nothing in its hands");
    }
    let flooded = flood.stop().await;
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;
    let simulated: BTreeSet<String> = world.sim.acknowledged().await.difference(&early).cloned().collect();
    assert!(flooded.len() >= 600, "{} pushes", flooded.len());
    every_push_is_queued(&world, &simulated.union(&flooded).cloned().collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_becomes_a_row_and_a_retry_outlives_the_process() {
    let mut world = one_process().await;
    let address = "retry@example.com";
    world.sim.mailbox(address, 5, 6).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    account.first_sync(&world, LONG).await;
    let mut conn = world.admin().await;

    // An event no handler can read: a row with its reason, listed and put back by the program.
    poison(&conn).await;
    within(SOON, "the poison event is dead", async || dead(&conn).await == 1).await;
    let listed = program(&world, &["dead-letters", "list"]).await;
    assert!(
        listed.contains("sync-worker.mailbox-changed: 1 dead") && listed.contains("mailbox.changed.v1"),
        "{listed}"
    );
    let replayed = program(&world, &["dead-letters", "replay", "--queue", "sync-worker.mailbox-changed"]).await;
    assert!(replayed.contains("sync-worker.mailbox-changed: 1 put back"), "{replayed}");
    within(SOON, "it dies again", async || dead(&conn).await == 1).await;

    // A push that cannot be written now: somebody holds the mailbox. The process dies while the push waits.
    conn.batch_execute("BEGIN; SELECT FROM mailbox.mailboxes FOR UPDATE").await.unwrap();
    let before = world.sim.acknowledged().await;
    let live = world.sim.deliver(address, 1).await;
    let look = world.admin().await;
    within(SOON, "the push waits for its second try", async || waiting(&look).await == 1).await;
    world.stack.kill9(Member::AllInOne, 0).await.unwrap();
    conn.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(waiting(&look).await, 1, "it waits while nobody runs");
    sql("UPDATE mailbox.messages SET due_at = now() WHERE attempt > 1").execute(&look).await.unwrap();
    world.restart(Member::AllInOne).await;
    let pushes: BTreeSet<String> = world.sim.acknowledged().await.difference(&before).cloned().collect();
    assert!(!pushes.is_empty(), "a push was acknowledged");
    every_push_is_queued(&world, &pushes).await;
    within(SOON, "no message waits", async || waiting(&look).await == 0).await;
    account.notified_once(&world, &live, LONG).await;
}

async fn poison(conn: &AsyncPgConnection) {
    sql("INSERT INTO mailbox.messages (queue, event_id, event_type, source, event_time, payload) \
         VALUES ('sync-worker.mailbox-changed', gen_random_uuid(), 'mailbox.changed.v1', 'test', now(), '\\xff')")
    .execute(conn)
    .await
    .unwrap();
}

async fn dead(conn: &AsyncPgConnection) -> i64 {
    count(conn, "SELECT count(*) AS value FROM mailbox.messages WHERE died_at IS NOT NULL").await
}

async fn waiting(conn: &AsyncPgConnection) -> i64 {
    count(conn, "SELECT count(*) AS value FROM mailbox.messages WHERE died_at IS NULL AND attempt > 1").await
}

async fn count(conn: &AsyncPgConnection, text: &'static str) -> i64 {
    postrider_testing::db::value(conn, text).await
}

/// What the program prints with the environment of the process.
async fn program(world: &World, arguments: &[&str]) -> String {
    let options = world.stack.options();
    let mut command = Command::new(options.program(Member::AllInOne));
    let env = world.stack.env_of(Member::AllInOne).unwrap();
    let output = command.args(arguments).env_clear().envs(env).output().await.unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}{told}");
    said.into_owned()
}
