//! `GET /gmail/stats`, `GET /gmail/health`, `POST /gmail/sync`, `POST /gmail/sync/deleted`.

mod stats;

use std::time::{Duration, Instant};

use postrider_contracts::connector::Settings;
use postrider_gmail_sim::{Deliver, MsgId};
use postrider_testing::eventually;
use reqwest::Method;
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, Answer, BEN, SOON, World, members};

/// Holds the account's work back, or lets it go on. The account must be idle.
async fn hold(world: &World, account: &Account, hold: bool) {
    let until = if hold { "now() + interval '1 hour'" } else { "NULL" };
    world
        .execute(&format!("UPDATE mailbox.mailboxes SET not_before = {until} WHERE connector_id = '{}'", account.id))
        .await;
}

async fn run(world: &World, who: &Account, id: &Value) -> Value {
    world.get(who, &format!("/api/v1/sync-runs/{}", id.as_str().unwrap())).await.body
}

async fn completed(world: &World, who: &Account, id: &Value) -> Value {
    eventually("the run is completed", SOON, || async {
        Some(run(world, who, id).await).filter(|run| run["state"] == "completed")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_answers_at_once_with_a_run_of_its_own() {
    let (world, ann) = World::with_account(2).await;
    hold(&world, &ann, true).await;
    let mut asked = Vec::new();
    for body in [json!({}), json!({"force_full_sync": true, "max_results": 5_000}), json!({"max_results": null})] {
        let answer = world.post(&ann, "/gmail/sync", Some(body)).await;
        assert_eq!((answer.status, members(&answer.body)), (202, vec!["sync_run_id"]), "{}", answer.text());
        asked.push(answer.body["sync_run_id"].clone());
    }
    // One of each kind waits: nobody has begun to look for it.
    assert!(asked[0] != asked[1] && asked[0] == asked[2]);
    for (id, kind) in asked.iter().zip(["incremental", "full", "incremental"]) {
        let run = run(&world, &ann, id).await;
        assert_eq!([&run["state"], &run["kind"], &run["reason"]], ["queued", kind, "asked"]);
        assert!(
            ["started_at", "finished_at", "eta_seconds", "forecast"].iter().all(|name| run[name].is_null()),
            "{run}"
        );
    }
    hold(&world, &ann, false).await;
    // The next call wakes the engine: nobody waits for a scan.
    let last = world.post(&ann, "/gmail/sync?user_email=Ann@Example.com", Some(json!({}))).await;
    assert_eq!(last.status, 202, "{}", last.text());
    asked.push(last.body["sync_run_id"].clone());
    for id in &asked {
        completed(&world, &ann, id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_needs_one_account_that_can_act() {
    let world = World::new(&[(ANN, 0), (BEN, 0)]).await;
    let stranger = Account::stranger("acme", "ann");
    let sync = async |who: &Account, query: &str| {
        let mut answers = Vec::new();
        for path in ["/gmail/sync", "/gmail/sync/deleted"] {
            let body = (path == "/gmail/sync").then(|| json!({}));
            answers.push(world.post(who, &format!("{path}?{query}"), body).await);
        }
        answers
    };
    for answer in sync(&stranger, "").await {
        answer.is_problem(404, "no account at all");
    }
    let one = world.connect("acme", "ann", ANN).await;
    let two = world.connect("acme", "ann", BEN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    let before = world.digest().await;
    for answer in sync(&one, "").await {
        answer.is_problem(409, "two accounts");
        assert_eq!(answer.code(), "account_ambiguous");
        let named = |account: &Account| json!({"connector_id": account.id, "email_address": account.address});
        assert_eq!(answer.body["accounts"], json!([named(&one), named(&two)]));
    }
    let ben_query = format!("connector_id={}", ben.id);
    for query in
        [ben_query.as_str(), "user_email=nobody@example.com", &format!("user_email={BEN}&connector_id={}", one.id)]
    {
        for answer in sync(&one, query).await {
            answer.is_problem(404, query);
        }
    }
    assert_eq!(world.digest().await, before);
    // Named by address, id or header it is clear.
    assert_eq!(sync(&one, &format!("user_email={BEN}")).await[1].status, 200);
    assert_eq!(sync(&one, &format!("connector_id={}", two.id)).await[1].status, 200);
    let request = world.request(&one, "write", Method::POST, "/gmail/sync").json(&json!({}));
    let header = Answer::of(request.header("X-Account-ID", two.id.to_string())).await;
    assert_eq!(header.status, 202, "{}", header.text());
    let of = completed(&world, &one, &header.body["sync_run_id"]).await;
    assert_eq!(of["connector_id"], two.id.to_string());

    for (status, code) in [
        ("paused", "connector_paused"),
        ("reauth_required", "reauth_required"),
        ("disconnected", "connector_disconnected"),
    ] {
        world.tell(&two, status, Settings::default()).await;
        let before = world.digest().await;
        for answer in sync(&one, &format!("connector_id={}", two.id)).await {
            answer.is_problem(409, status);
            assert_eq!(answer.code(), code);
        }
        assert_eq!(world.digest().await, before);
    }
    // Of two, one is disconnected: the other is meant.
    assert_eq!(sync(&one, "").await[1].status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_deleted_waits_and_tells_what_it_did() {
    let (world, ann) = World::with_account(12).await;
    let gmail = world.sim.world();
    let ids: Vec<MsgId> = gmail.truth(ANN).unwrap().keys().map(|id| id.parse().unwrap()).collect();
    gmail.delete(ANN, ids[0]).unwrap();
    gmail.delete(ANN, ids[1]).unwrap();
    for _ in 0..3 {
        gmail.deliver(ANN, Deliver::default()).unwrap();
    }
    let done = world.sync(&ann).await;
    let told = |status: &str, run: &Value, counts: [i64; 4]| {
        json!({"status": status, "sync_run_id": run, "new_emails": counts[0], "deleted_emails": counts[1],
            "total_processed": counts[2], "gmail_emails": counts[3]})
    };
    assert_eq!(done, told("completed", &done["sync_run_id"], [3, 2, 5, 13]));
    assert_eq!(run(&world, &ann, &done["sync_run_id"]).await["kind"], "incremental");

    // Behind history's back: only a full listing finds it.
    let hidden = format!("DELETE FROM mailbox.emails WHERE message_id = '{}'", ids[2]);
    world.execute(&hidden).await;
    gmail.delete(ANN, ids[3]).unwrap();
    gmail.expire_history(ANN, 0).unwrap();
    let full = world.post(&ann, "/gmail/sync/deleted?force_full_sync=true&max_results=5000", None).await;
    assert_eq!(full.status, 200, "{}", full.text());
    // History broke off: the repair run it caused may take the asked one's place, or come before it.
    let states = ["completed", "superseded"];
    assert!(states.contains(&full.body["status"].as_str().unwrap()), "{}", full.text());
    eventually("the mirror is whole again", SOON, || async {
        let stats = world.get(&ann, "/gmail/stats").await.body;
        (stats["total_emails"] == 12).then_some(())
    })
    .await;
    let again = world.post(&ann, "/gmail/sync/deleted?force_full_sync=true", None).await.body;
    assert_eq!(again, told("completed", &again["sync_run_id"], [0, 0, 0, 12]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_on_bodies_does_not_cap_the_listing() {
    let (world, ann) = World::with_account(6).await;
    world.execute("DELETE FROM mailbox.email_sources").await;
    world.execute("DELETE FROM mailbox.emails").await;
    let path = "/gmail/sync/deleted?force_full_sync=true&max_results=2";
    let capped = world.post(&ann, path, None).await.body;
    let counts = ["new_emails", "gmail_emails", "deleted_emails"].map(|name| capped[name].as_i64());
    assert_eq!(counts, [Some(2), Some(6), Some(0)], "{capped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_deleted_answers_202_when_its_run_takes_longer() {
    let (world, ann) = World::with_account(0).await;
    hold(&world, &ann, true).await;
    let start = Instant::now();
    let answer = world.post(&ann, "/gmail/sync/deleted", None).await;
    let waited = start.elapsed();
    assert_eq!((answer.status, members(&answer.body)), (202, vec!["sync_run_id"]), "{}", answer.text());
    assert!((Duration::from_secs(30)..Duration::from_secs(40)).contains(&waited), "{waited:?}");
    assert_eq!(run(&world, &ann, &answer.body["sync_run_id"]).await["state"], "queued");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_open_and_tells_of_real_calls() {
    let (world, _ann) = World::with_account(1).await;
    let health = async || Answer::of(world.http.get(format!("{}/gmail/health", world.base))).await;
    // The outcome of calls is carried over every few seconds.
    let answer = eventually("a good call is noted", SOON, || async {
        Some(health().await).filter(|answer| answer.body["gmail_api"] == true)
    })
    .await;
    let timestamp = answer.body["timestamp"].clone();
    assert!(timestamp.as_str().unwrap().parse::<postrider_domain::Timestamp>().is_ok());
    let healthy = |database: bool, status: &str, timestamp: &Value| json!({"status": status, "timestamp": timestamp, "database": database, "broker": true, "gmail_api": true});
    assert_eq!((answer.status, &answer.body), (200, &healthy(true, "healthy", &timestamp)));

    // The database lets the service in no more.
    world
        .execute(
            "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); \
               PERFORM pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND usename = 'sync_worker'; END $$",
        )
        .await;
    let answer =
        eventually("it is unhealthy", SOON, || async { Some(health().await).filter(|answer| answer.status == 503) })
            .await;
    assert_eq!(answer.body, healthy(false, "unhealthy", &answer.body["timestamp"]));
}
