//! `GET /gmail/stats`: counts that agree with the mailbox.

use std::collections::BTreeMap;

use postrider_contracts::connector::Settings;
use postrider_gmail_sim::Deliver;
use postrider_testing::eventually;
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, BEN, SOON, World, members};

const STATS: [&str; 15] = [
    "by_label",
    "connector_id",
    "coverage",
    "cursor",
    "deleted_emails",
    "email_address",
    "lag_seconds",
    "last_error",
    "last_pushed_at",
    "last_synced_at",
    "parked",
    "quota_used_this_minute",
    "status",
    "total_emails",
    "unread_emails",
];

async fn stats(world: &World, who: &Account, query: &str) -> Value {
    let answer = world.get(who, &format!("/gmail/stats?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(members(&answer.body), STATS);
    answer.body
}

/// (mails, unread mails, mails by label) of simulated mailboxes.
fn truth(world: &World, addresses: &[&str]) -> (i64, i64, BTreeMap<String, i64>) {
    let (mut mails, mut labels) = (0, BTreeMap::new());
    for address in addresses {
        for mail in world.sim.world().truth(address).unwrap().into_values() {
            mails += 1;
            for label in mail.labels {
                *labels.entry(label).or_default() += 1;
            }
        }
    }
    (mails, labels.get("UNREAD").copied().unwrap_or(0), labels)
}

fn agrees(stats: &Value, truth: &(i64, i64, BTreeMap<String, i64>)) {
    let labels: BTreeMap<String, i64> = stats["by_label"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| {
            assert_eq!(members(label), ["emails", "label_id", "name"]);
            (label["label_id"].as_str().unwrap().to_owned(), label["emails"].as_i64().unwrap())
        })
        .collect();
    let told = (stats["total_emails"].as_i64().unwrap(), stats["unread_emails"].as_i64().unwrap(), labels);
    assert_eq!(told, *truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_agree_with_the_mailbox() {
    let (world, ann) = World::with_account(20).await;
    let gmail = world.sim.world();
    let bills = gmail.create_label(ANN, "Bills").unwrap();
    let labelled = Deliver { labels: Some(vec![bills.clone(), "INBOX".to_owned()]), ..Deliver::default() };
    let ids: Vec<_> = gmail.truth(ANN).unwrap().keys().map(|id| id.parse().unwrap()).collect();
    gmail.deliver(ANN, labelled.clone()).unwrap();
    let gone = gmail.deliver(ANN, labelled).unwrap();
    world.sync(&ann).await;
    for id in [ids[0], ids[1], gone] {
        gmail.delete(ANN, id).unwrap();
    }
    world.sync(&ann).await;
    let one = stats(&world, &ann, "").await;
    agrees(&one, &truth(&world, &[ANN]));
    assert_eq!(one["deleted_emails"], 3);
    let named: Vec<_> = one["by_label"].as_array().unwrap().iter().filter(|label| label["label_id"] == bills).collect();
    assert_eq!(named, [&json!({"label_id": bills, "name": "Bills", "emails": 1})]);
    assert_eq!(
        [&one["connector_id"], &one["email_address"], &one["status"]],
        [&json!(ann.id), &json!(ANN), &json!("active")]
    );
    let cursor: u64 = one["cursor"].as_str().unwrap().parse().unwrap();
    assert_eq!(cursor, gmail.profile(ANN).unwrap().history_id);
    assert!(one["last_synced_at"].is_string() && one["last_pushed_at"].is_null() && one["last_error"].is_null());
    assert_eq!([&one["parked"], &one["lag_seconds"]], [0, 0]);
    assert!(one["coverage"] == 1.0 && one["quota_used_this_minute"].as_i64().unwrap() > 0, "{one}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_waits_is_lag() {
    let (world, ann) = World::with_account(1).await;
    world.tell(&ann, "paused", Settings::default()).await;
    world.push(ANN, 9_000_000, None).await;
    let late = eventually("the push is late", SOON, || async {
        Some(stats(&world, &ann, "").await).filter(|stats| stats["lag_seconds"].as_i64().unwrap() >= 1)
    })
    .await;
    assert!(late["last_pushed_at"].is_string() && late["status"] == "paused", "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_account_all_are_covered() {
    let world = World::new(&[(ANN, 5), (BEN, 9)]).await;
    let ann = world.connect("acme", "ann", ANN).await;
    let second = world.connect("acme", "ann", BEN).await;
    world.connect("acme", "ben", BEN).await;
    let all = stats(&world, &ann, "").await;
    agrees(&all, &truth(&world, &[ANN, BEN]));
    for name in ["connector_id", "email_address", "status", "cursor", "last_error"] {
        assert!(all[name].is_null(), "{name}: {all}");
    }
    assert!(all["last_synced_at"].is_string());
    for query in [format!("user_email={BEN}"), format!("connector_id={}", second.id)] {
        let one = stats(&world, &ann, &query).await;
        agrees(&one, &truth(&world, &[BEN]));
        assert_eq!(one["connector_id"], second.id.to_string());
    }
    let nobody = stats(&world, &Account::stranger("acme", "nobody"), "").await;
    assert_eq!(
        [&nobody["total_emails"], &nobody["by_label"], &nobody["last_synced_at"]],
        [&json!(0), &json!([]), &json!(null)]
    );
    for who in [&Account::stranger("acme", "nobody"), &Account::stranger("globex", "ann")] {
        let path = format!("/gmail/stats?user_email={ANN}");
        world.get(who, &path).await.is_problem(404, &path);
    }
}
