//! A newcomer's walk by nothing but what a newcomer has: a checkout's Makefile and scripts, a `.env` of two lines, `make up` and
//! the built program. The servers are private ones that it starts itself; Google is a simulated one, found by exported URLs.

mod checkout;

use std::time::Duration;

use postrider_cli::google::{Access, PubSub};
use serde_json::{Value, json};

use self::checkout::{Checkout, Said};

const PROJECT: &str = "acme";

#[tokio::test(flavor = "multi_thread")]
async fn two_lines_lead_to_a_mailbox_and_what_breaks_is_named() {
    let here = Checkout::new().await;
    here.env_file(&[
        format!("GOOGLE_CLIENT_ID={}", here.client.0),
        format!("GOOGLE_CLIENT_SECRET={}", here.client.1.expose()),
    ]);
    let up = here.make("up").await.well();
    assert!(
        up.contains("gateway is ready")
            && up.contains("postrider connect\n")
            && up.contains("export TOKEN=")
            && !up.contains("gmail-sim"),
        "{up}"
    );
    let connected = here.connect().await.well();
    assert!(connected.contains("me@example.com is connected"), "{connected}");
    assert!(connected.contains("first sync: 12 mails listed, 12 stored"), "{connected}");
    let doctor = here.make("doctor").await.well();
    assert!(doctor.lines().all(|line| line.starts_with("  ✓ ")), "{doctor}");
    assert!(doctor.contains("all five are ready") && doctor.contains("mail comes by polling"), "{doctor}");
    assert!(here.postrider(&["accounts"]).await.well().contains("me@example.com"));

    wrong_password(&here).await;
    broker_away(&here).await;
    clock_off(&here).await;
    schema_behind(&here).await;

    let key = here.key_file().await;
    push_is_set_up_and_its_audience_is_wrong(&here, &key).await;
    topic_without_grant(&here, &key).await;
    let proof = here.postrider(&["google", "check", "--credentials", &key, "--wait", "60"]).await.well();
    assert!(proof.contains("arrived,"), "{proof}");
    assert!(here.make("doctor").await.well().lines().all(|line| line.starts_with("  ✓ ")));
    let replayed = here.postrider(&["dead-letters", "replay"]).await.well();
    assert!(replayed.contains("nothing to put back"), "{replayed}");
    assert!(here.make("down").await.well().contains("gateway stopped"));
    let reset = here.make("reset").await.well();
    assert!(reset.contains("holds no data, secrets or logs any more") && !here.has("stack.env"), "{reset}");
}

/// What fails, and exactly that: area, words, and those of the remedy.
#[track_caller]
fn one_fails(doctor: &Said, area: &str, words: &str, remedy: &str) {
    assert_eq!(doctor.code, Some(1), "{}", doctor.out);
    let findings: Vec<Value> = serde_json::from_str(&doctor.out).unwrap_or_else(|_| panic!("{}", doctor.out));
    let failing: Vec<_> = findings.iter().filter(|one| one["verdict"] == "fail").collect();
    let text = |one: &Value, member: &str| one[member].as_str().unwrap_or_default().to_owned();
    let told = failing
        .iter()
        .any(|one| one["area"] == area && text(one, "text").contains(words) && text(one, "remedy").contains(remedy));
    assert!(told, "{area}, {words}, {remedy}: {failing:#?}");
    assert!(failing.iter().all(|one| !text(one, "remedy").is_empty()), "{failing:#?}");
}

async fn wrong_password(here: &Checkout) {
    let right = here.server("DATABASE_URL");
    let (head, host) = right.rsplit_once('@').unwrap();
    let wrong = format!("{}:wrong@{host}", head.rsplit_once(':').unwrap().0);
    let doctor = here.postrider_with(&["doctor", "--json"], &[("DATABASE_URL", &wrong)]).await;
    one_fails(&doctor, "postgres", "password authentication failed", "Correct user, password");
}

async fn broker_away(here: &Checkout) {
    here.script(&["stop-rabbit"]).await.well();
    one_fails(&here.postrider(&["doctor", "--json"]).await, "rabbitmq", "cannot be asked", "Start RabbitMQ");
    here.script(&["start-rabbit"]).await.well();
    here.until_well().await;
}

async fn clock_off(here: &Checkout) {
    let lib = crate::doctor_whole::libfaketime();
    let faked = [("LD_PRELOAD", lib.to_str().unwrap()), ("FAKETIME", "+75s"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
    let doctor = here.postrider_with(&["doctor", "--json"], &faked).await;
    one_fails(&doctor, "clock", "that of this machine is 7", "NTP");
}

async fn schema_behind(here: &Checkout) {
    here.sql("DELETE FROM mailbox.__diesel_schema_migrations WHERE version = '00000000000003'").await;
    let doctor = here.postrider(&["doctor", "--json"]).await;
    one_fails(&doctor, "postgres", "sync-worker is behind: 1 migration", "postrider migrate");
    here.make("migrate").await.well();
    here.until_well().await;
}

/// docs/google.md, step 4: the steps are shown, taken, and their settings put into `.env`.
async fn push_is_set_up_and_its_audience_is_wrong(here: &Checkout, key: &str) {
    let shown = here.postrider(&["google", "setup", "--project", PROJECT, "--dry-run"]).await.well();
    assert!(shown.contains("gcloud pubsub topics create postrider --project=acme"), "{shown}");
    let asked = here.postrider(&["google", "setup", "--project", PROJECT, "--credentials", key]).await;
    assert!(asked.code == Some(1) && asked.told.contains("add --yes"), "{}", asked.told);
    let made = here.postrider(&["google", "setup", "--project", PROJECT, "--credentials", key, "--yes"]).await.well();
    let (_, settings) = made.split_once("In `.env`, then restart:\n").unwrap_or_else(|| panic!("{made}"));
    here.add_to_env_file(settings);
    let pubsub = here.pubsub(key).await;
    let subscription = format!("projects/{PROJECT}/subscriptions/postrider-push");
    let mut push = pubsub.find(&subscription).await.unwrap().unwrap()["pushConfig"].clone();
    push["oidcToken"]["audience"] = json!("https://somebody.else/");
    pubsub.change(&subscription, &json!({"pushConfig": push}), "pushConfig").await.unwrap();

    here.make("down").await.well();
    here.make("up").await.well();
    let check = here.postrider(&["google", "check", "--credentials", key, "--wait", "4", "--json"]).await;
    one_fails(&check, "pubsub", "its audience is https://somebody.else/", "postrider google setup");
    one_fails(&check, "self-test", "they are for another audience", "PUBSUB_AUDIENCE");
    one_fails(&here.postrider(&["doctor", "--json"]).await, "pushes", "another audience", "postrider google setup");
    let mended = here.postrider(&["google", "setup", "--credentials", key, "--yes"]).await.well();
    assert!(mended.contains("✓ repair the subscription"), "{mended}");
    let again = here.postrider(&["google", "setup", "--credentials", key]).await.well();
    assert!(again.contains("everything is as it should be"), "{again}");
    // Google still waits after the pushes that were refused.
    let proof = here.postrider(&["google", "check", "--credentials", key, "--wait", "60"]).await.well();
    assert!(proof.contains("arrived,"), "{proof}");
    here.until_well().await;
}

async fn topic_without_grant(here: &Checkout, key: &str) {
    let topic = format!("projects/{PROJECT}/topics/postrider");
    here.pubsub(key).await.set_policy(&topic, &json!({"bindings": []})).await.unwrap();
    let renewed = "UPDATE connector.google_accounts SET watch_due_at = clock_timestamp()";
    here.sql(renewed).await;
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    let mut doctor = here.postrider(&["doctor", "--json"]).await;
    while doctor.code == Some(0) && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(500)).await;
        doctor = here.postrider(&["doctor", "--json"]).await;
    }
    one_fails(&doctor, "watches", "refuses the watch of 1 accounts", "gmail-api-push@system");
    here.postrider(&["google", "setup", "--credentials", key, "--yes"]).await.well();
    here.sql(renewed).await;
    here.until_well().await;
}

impl Checkout {
    async fn pubsub(&self, key: &str) -> PubSub {
        let access: Access = Access::named(key).await.unwrap();
        PubSub::new(format!("{}/", self.google.base_url()).parse().unwrap(), access).unwrap()
    }
}
