//! One trace id from the push to the socket, through the logs of the processes and as spans at a collector.

use std::time::Duration;

use postrider_cli::stack::Member;
use postrider_e2e::collector::{Collector, parents, services};
use postrider_e2e::ports::free_base;
use postrider_e2e::{Account, World, within};
use serde_json::Value;

const LONG: Duration = Duration::from_secs(120);
const LEVEL: &str = "info,postrider_ingest_webhook=debug,postrider_sync_worker=debug,postrider_notification=debug";
/// Logs are written at once; this is for a machine that is busy.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_mails_trace_id_stands_in_the_logs_of_all_it_passed() {
    let collector = Collector::start().await;
    let world = World::start_with(free_base(), |options| {
        let options = options.with("LOG_FORMAT", "json").with("LOG_LEVEL", LEVEL);
        options.with("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
    })
    .await;
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

    // The same trace at the collector: every service has a part in it, and the push's way is one chain.
    let all: Vec<_> = Member::SERVICES.into_iter().map(Member::name).collect();
    within(SOON, "spans of all five services", async || {
        let spans = collector.trace(trace).await;
        all.iter().all(|name| services(&spans).contains(name))
            && spans.iter().any(|span| span.name == "job socket_emit")
    })
    .await;
    let spans = collector.trace(trace).await;
    let request = |service: &str| {
        let mut requests = spans.iter().filter(|span| span.service == service && span.name.starts_with("POST /"));
        requests.next().unwrap_or_else(|| panic!("no request of {service}: {spans:#?}"))
    };
    let (gateway, intake) = (request("gateway"), request("ingest-webhook"));
    assert_eq!(intake.parent, gateway.id, "the intake was called by the gateway");
    for queue in ["consume sync-worker.mailbox-changed", "consume connector.mailbox-changed"] {
        let consumed = spans.iter().any(|span| span.name == queue && span.parent == intake.id);
        assert!(consumed, "{queue} takes what the intake published: {spans:#?}");
    }
    assert_eq!(parents(&spans).get("job live_pass"), Some(&"job mailbox"), "{spans:#?}");
}

fn lines_of(world: &World, member: Member, trace: &str) -> Vec<Value> {
    world.log(member).into_iter().filter(|line| line["trace_id"] == trace).collect()
}
