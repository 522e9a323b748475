//! `GET /api/v1/sync-runs`, `/sync-runs/{id}`: what was done and what is left, to the account's owner.

use postrider_contracts::connector::Settings;
use postrider_domain::{IdGen as _, SystemIds};
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, BEN, World, members};

const RUN: [&str; 20] = [
    "connector_id",
    "created_at",
    "deleted",
    "error",
    "eta_seconds",
    "failed",
    "fetched",
    "finished_at",
    "forecast",
    "id",
    "kind",
    "listed",
    "new_emails",
    "rate",
    "reason",
    "started_at",
    "state",
    "stored",
    "total_estimate",
    "updated_at",
];

async fn runs(world: &World, who: &Account, query: &str) -> Vec<Value> {
    let answer = world.get(who, &format!("/api/v1/sync-runs?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(members(&answer.body), ["data", "next_cursor"]);
    answer.body["data"].as_array().unwrap().clone()
}

/// An erasure's id is connector's answer: it may be asked for here before its event is.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_named_a_moment_ago_is_waited_for() {
    let (world, ann) = World::with_account(1).await;
    let new = || SystemIds.uuid();
    let (named, old) = (new(), uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
    let arrives = async {
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        let text = format!(
            "INSERT INTO mailbox.sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, created_at, \
               updated_at, started_at) SELECT tenant, '{named}', connector_id, 'erase', 'asked', 'erasing', 0, now(), now(), now() \
             FROM mailbox.mailboxes RETURNING 1::bigint AS value"
        );
        world.number(&text).await
    };
    let path = |id| format!("/api/v1/sync-runs/{id}");
    let (path_of_named, path_of_old) = (path(named), path(old));
    let (answer, arrived) = tokio::join!(world.get(&ann, &path_of_named), arrives);
    assert_eq!((answer.status, &answer.body["kind"], arrived), (200, &json!("erase"), Some(1)), "{}", answer.text());
    // One that never comes is not found, after a while; one of another time at once.
    let began = std::time::Instant::now();
    assert_eq!(world.get(&ann, &path(new())).await.status, 404);
    let waited = began.elapsed();
    assert!((2..6).contains(&waited.as_secs()), "{waited:?}");
    assert_eq!(world.get(&ann, &path_of_old).await.status, 404);
    assert!(began.elapsed() - waited < std::time::Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_and_shown_one_by_one() {
    let (world, ann) = World::with_account(7).await;
    let first = runs(&world, &ann, "").await.remove(0);
    assert_eq!(members(&first), RUN);
    let counts =
        ["listed", "fetched", "stored", "new_emails", "total_estimate"].map(|name| first[name].as_i64().unwrap());
    assert_eq!(counts, [7; 5], "{first}");
    let words = ["kind", "reason", "state"].map(|name| first[name].as_str().unwrap());
    assert_eq!(words, ["full", "first", "completed"]);
    assert_eq!((first["deleted"].as_i64(), first["failed"].as_i64()), (Some(0), Some(0)));
    assert!(first["rate"].as_f64().unwrap() > 0.0);
    assert!(["eta_seconds", "forecast", "error"].iter().all(|name| first[name].is_null()), "{first}");
    assert!(["started_at", "finished_at", "created_at", "updated_at"].iter().all(|name| first[name].is_string()));

    let asked =
        world.post(&ann, "/gmail/sync", Some(json!({"force_full_sync": true}))).await.body["sync_run_id"].clone();
    world.sync(&ann).await;
    let all = runs(&world, &ann, "").await;
    let kinds: Vec<_> =
        all.iter().map(|run| (run["kind"].as_str().unwrap(), run["reason"].as_str().unwrap())).collect();
    assert_eq!(kinds, [("incremental", "asked"), ("full", "asked"), ("full", "first")]);
    assert_eq!(all[1]["id"], asked);
    let one = world.get(&ann, &format!("/api/v1/sync-runs/{}", first["id"].as_str().unwrap())).await;
    assert_eq!((one.status, &one.body), (200, &first));

    // Pages: everything once, though a run is added meanwhile.
    let (mut seen, mut query) = (Vec::new(), "limit=1".to_owned());
    loop {
        let page = world.get(&ann, &format!("/api/v1/sync-runs?{query}")).await.body;
        seen.extend(page["data"].as_array().unwrap().iter().map(|run| run["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("limit=1&cursor={cursor}");
        world.sync(&ann).await;
    }
    assert_eq!(seen, all.iter().map(|run| run["id"].clone()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_run_says_what_is_left() {
    let (world, ann) = World::with_account(0).await;
    world.tell(&ann, "paused", Settings::default()).await;
    let id = uuid::Uuid::from_u128(7);
    world
        .execute(&format!(
            "INSERT INTO mailbox.sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, listed, fetched, \
               stored, total_estimate, started_at, created_at, updated_at) \
             VALUES ('acme', '{id}', '{}', 'full', 'asked', 'fetching', 1, 900, 100, 90, 1000, \
               now() - interval '10 seconds', now(), now())",
            ann.id
        ))
        .await;
    let run = world.get(&ann, &format!("/api/v1/sync-runs/{id}")).await.body;
    let rate = run["rate"].as_f64().unwrap();
    assert!((5.0..=10.0).contains(&rate), "{run}");
    // None of 1,000 mails is here.
    assert!((100..=200).contains(&run["eta_seconds"].as_i64().unwrap()), "{run}");
    // At 20 units each, at the 600,000 units a minute that these tests set.
    assert_eq!(run["forecast"], json!({"units": 20_000, "seconds": 2}));
    assert!(run["finished_at"].is_null());
    // 100 pages of ids are to come as well.
    let listing = "UPDATE mailbox.sync_runs SET state = 'listing', listed = 0, total_estimate = 50000";
    world.execute(&format!("{listing} WHERE run_id = '{id}'")).await;
    let run = world.get(&ann, &format!("/api/v1/sync-runs/{id}")).await.body;
    assert_eq!(run["forecast"]["units"], 50_000 * 20 + 101 * 5, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_already_is_not_forecast_again() {
    let (world, ann) = World::with_account(8).await;
    world.tell(&ann, "paused", Settings::default()).await;
    // Another full run, right after its listing: two of eight mails are missing, and one of them is given up.
    world.execute("DELETE FROM mailbox.emails WHERE ctid IN (SELECT ctid FROM mailbox.emails LIMIT 2)").await;
    let id = uuid::Uuid::from_u128(8);
    world
        .execute(&format!(
            "INSERT INTO mailbox.sync_runs (tenant, run_id, connector_id, kind, reason, state, generation, listed, \
               failed, total_estimate, started_at, created_at, updated_at) \
             VALUES ('acme', '{id}', '{}', 'full', 'asked', 'fetching', 1, 8, 1, 8, now(), now(), now())",
            ann.id
        ))
        .await;
    let path = format!("/api/v1/sync-runs/{id}");
    assert_eq!(world.get(&ann, &path).await.body["forecast"]["units"], 20);
    assert_eq!(world.get(&ann, "/api/v1/sync-runs").await.body["data"][0]["forecast"]["units"], 20);
    // After a gap every mail is asked about anew.
    world.execute("UPDATE mailbox.sync_runs SET generation = 2, failed = 0 WHERE state = 'fetching'").await;
    assert_eq!(world.get(&ann, &path).await.body["forecast"]["units"], 8 * 20);
    // A cap on bodies is one on what is left.
    world.execute("UPDATE mailbox.sync_runs SET max_results = 3, stored = 1 WHERE state = 'fetching'").await;
    assert_eq!(world.get(&ann, &path).await.body["forecast"]["units"], 2 * 20);
    world.execute("UPDATE mailbox.sync_runs SET state = 'confirming' WHERE state = 'fetching'").await;
    let run = world.get(&ann, &path).await.body;
    assert_eq!([&run["forecast"]["units"], &run["eta_seconds"]], [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_others_are_not_there() {
    let world = World::new(&[(ANN, 1), (BEN, 1)]).await;
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    let second = world.connect("acme", "ann", BEN).await;
    let theirs = runs(&world, &ben, "").await.remove(0)["id"].as_str().unwrap().to_owned();
    for who in [&ann, &Account::stranger("acme", "nobody"), &Account::stranger("globex", "ben")] {
        let path = format!("/api/v1/sync-runs/{theirs}");
        world.get(who, &path).await.is_problem(404, &path);
        let path = format!("/api/v1/sync-runs?connector_id={}", ben.id);
        world.get(who, &path).await.is_problem(404, &path);
    }
    assert_eq!(runs(&world, &ann, "").await.len(), 2);
    for id in [ann.id, second.id] {
        let of_one = runs(&world, &ann, &format!("connector_id={id}")).await;
        assert!(of_one.len() == 1 && of_one[0]["connector_id"] == id.to_string());
    }
    assert!(runs(&world, &Account::stranger("acme", "nobody"), "").await.is_empty());
}
