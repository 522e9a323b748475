//! One trace id from the push to the socket, through the logs of the processes.

use std::time::Duration;

use postrider_cli::stack::Member;
use postrider_e2e::ports::free_base;
use postrider_e2e::{Account, World, within};
use serde_json::Value;

const LONG: Duration = Duration::from_secs(120);
const LEVEL: &str = "info,postrider_ingest_webhook=debug,postrider_sync_worker=debug,postrider_notification=debug";
/// Logs are written at once; this is for a machine that is busy.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_mails_trace_id_stands_in_the_logs_of_all_it_passed() {
    let world =
        World::start_with(free_base(), |options| options.with("LOG_FORMAT", "json").with("LOG_LEVEL", LEVEL)).await;
    let address = "trace@example.com";
    world.sim.mailbox(address, 10, 41).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    account.first_sync(&world, LONG).await;
    account.mirror_equals_truth(&world, LONG).await;
    let socket = account.socket("websocket").await;
    let before = world.sim.acknowledged().await;
    let live = world.sim.deliver(address, 1).await;
    within(LONG, "the socket shows the mail", async || socket.announced().contains_key(&live[0])).await;
    within(LONG, "the push is acknowledged", async || world.sim.acknowledged().await.len() > before.len()).await;

    // The intake says under which trace it stored the push; the rest is found by that id alone.
    let after = world.sim.acknowledged().await;
    let push = after.difference(&before).next().unwrap();
    let taken = world.log(Member::Ingest);
    let stored = taken.iter().find(|line| line["source_message_id"] == push.as_str()).expect("the intake's line");
    let trace = stored["trace_id"].as_str().expect("the line has a trace id");
    assert_eq!(trace.len(), 32, "{stored}");
    for member in [Member::Gateway, Member::Ingest, Member::SyncWorker, Member::Notification] {
        let what = format!("{member} logs the trace {trace}");
        within(SOON, &what, async || !lines_of(&world, member, trace).is_empty()).await;
    }
    within(SOON, "the socket's line is under the trace", async || {
        let lines = lines_of(&world, Member::Notification, trace);
        lines.iter().any(|line| line["event"] == "notification:new_message")
    })
    .await;
}

fn lines_of(world: &World, member: Member, trace: &str) -> Vec<Value> {
    world.log(member).into_iter().filter(|line| line["trace_id"] == trace).collect()
}
