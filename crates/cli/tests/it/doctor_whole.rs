//! The doctor beside a stack that runs: nothing fails, then a clock, a subscription and a topic are broken for real.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postrider_cli::demo::sign_in;
use postrider_cli::doctor::{Finding, Verdict, examine};
use postrider_cli::progress;
use postrider_cli::stack::Member;
use postrider_domain::Seams;
use postrider_storage::sql;
use postrider_testing::until;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

/// Debian's libfaketime, which `scripts/deploy-tools.sh` brings.
pub fn libfaketime() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.run/tools/usr/lib");
    let folders = [PathBuf::from("/usr/lib"), here].into_iter().filter_map(|root| std::fs::read_dir(root).ok());
    let files = folders.flatten().filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketime.so.1")));
    files.into_iter().find(|file| file.is_file()).expect("libfaketime is missing: run scripts/deploy-tools.sh")
}

async fn failing(world: &World) -> Vec<Finding> {
    let findings = examine(&world.installation(), &Seams::system()).await;
    findings.into_iter().filter(|one| one.verdict == Verdict::Fail).collect()
}

/// Exactly one line fails.
#[track_caller]
fn one(failing: &[Finding], area: &str, words: &str, remedy: &str) {
    let [only] = failing else { panic!("{failing:#?}") };
    let told = only.remedy.clone().unwrap();
    assert!(only.area == area && only.text.contains(words) && told.contains(remedy), "{only:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_subscription_and_a_topic_that_broke_are_named_while_the_stack_runs() {
    let mut world = World::start(&[("GMAIL_SIM_MAILBOXES", "a@example.com:5")]).await;
    let token = world.stack.token("t", "u").unwrap();
    sign_in(&world.stack.url(Member::Gateway), &token, "a@example.com", None).await.unwrap();
    let gateway = world.gateway();
    let account = gateway.connector_of("a@example.com").await.unwrap().unwrap();
    progress::follow_all(&gateway, &account.id, Duration::from_secs(60)).await.unwrap();
    assert_eq!(failing(&world).await, []);

    a_clock_75_seconds_ahead(&mut world).await;
    assert_eq!(failing(&world).await, []);
    an_audience_that_is_not_ours(&mut world).await;
    assert_eq!(failing(&world).await, []);
    a_topic_that_gmail_may_not_publish_to(&world).await;
}

/// One process lives in another time.
async fn a_clock_75_seconds_ahead(world: &mut World) {
    world.stack.stop(Member::Connector, 0, Duration::from_secs(15)).await;
    let env: BTreeMap<_, _> = world.stack.env_of(Member::Connector).unwrap();
    let program = world.stack.options().program(Member::Connector);
    let mut ahead = tokio::process::Command::new(program);
    ahead.arg("serve").env_clear().envs(env).kill_on_drop(true);
    ahead.env("LD_PRELOAD", libfaketime()).env("FAKETIME", "+75s").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut ahead = ahead.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    ready(world, Member::Connector).await;
    one(&failing(world).await, "clock", "that of connector is 7", "NTP");
    ahead.kill().await.unwrap();
    world.stack.start(Member::Connector).unwrap();
    world.stack.wait_ready(Member::Connector).await.unwrap();
}

async fn ready(world: &World, member: Member) {
    let url = format!("{}/health/ready", world.stack.url(member));
    until("it is ready", async || world.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()))
        .await;
}

/// Every push since the intake started comes with a token for somebody else.
async fn an_audience_that_is_not_ours(world: &mut World) {
    let before = world.sim(Method::GET, "/push", Value::Null).await["audience"].clone();
    world.sim(Method::PUT, "/push", json!({"audience": "https://somebody.else/"})).await;
    world.stack.stop(Member::Ingest, 0, Duration::from_secs(15)).await;
    world.stack.start(Member::Ingest).unwrap();
    world.stack.wait_ready(Member::Ingest).await.unwrap();
    world.sim(Method::POST, "/deliver", json!({"account": "a@example.com"})).await;
    until("it is told", async || !failing(world).await.is_empty()).await;
    one(&failing(world).await, "pushes", "their tokens do not fit", "PUBSUB_AUDIENCE");
    world.sim(Method::PUT, "/push", json!({"audience": before})).await;
    world.sim(Method::POST, "/deliver", json!({"account": "a@example.com"})).await;
    until("all is well again", async || failing(world).await.is_empty()).await;
}

/// The daily renewal of the watch is refused.
async fn a_topic_that_gmail_may_not_publish_to(world: &World) {
    let scopes = json!(["https://www.googleapis.com/auth/pubsub"]);
    let made = world.sim(Method::POST, "/access-token", json!({"account": "a@example.com", "scopes": scopes})).await;
    let topic = world.installation().env.required("GMAIL_PUBSUB_TOPIC").unwrap();
    let url = format!("{}/v1/{topic}:setIamPolicy", world.stack.url(Member::GmailSim));
    let bare = world.http.post(url).bearer_auth(made["access_token"].as_str().unwrap());
    bare.json(&json!({"policy": {"bindings": []}})).send().await.unwrap().error_for_status().unwrap();
    let admin = world.db.admin().await;
    sql("UPDATE connector.google_accounts SET watch_due_at = clock_timestamp()").execute(&admin).await.unwrap();
    until("it is told", async || !failing(world).await.is_empty()).await;
    one(&failing(world).await, "watches", "refuses the watch of 1 accounts", "gmail-api-push@system");
}
