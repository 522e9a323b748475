//! `/api/system/email-monitor/…`: what is looked at by itself, and what only when it is asked for.

use std::time::Duration;

use postrider_testing::eventually;
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, BEN, SOON, World, members};

async fn status(world: &World, who: &Account) -> Value {
    world.get(who, "/api/system/email-monitor/status").await.body
}

async fn switch(world: &World, who: &Account, how: &str) -> Value {
    let answer = world.post(who, &format!("/api/system/email-monitor/{how}"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body
}

async fn mails(world: &World, who: &Account) -> usize {
    world.get(who, "/api/v1/emails?include_spam_trash=true").await.body["data"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_it_only_records_pushes_and_started_it_catches_up() {
    let (world, ann) = World::with_account(2).await;
    let gmail = world.sim.world();
    let running = status(&world, &ann).await;
    assert_eq!(members(&running), ["accounts", "emails_processed_total", "is_running", "last_error", "last_poll_at"]);
    assert_eq!((&running["is_running"], &running["emails_processed_total"]), (&json!(true), &json!(2)));
    let account = &running["accounts"][0];
    assert_eq!(
        members(account),
        ["connector_id", "email_address", "is_running", "last_error", "last_poll_at", "next_poll_at", "status"]
    );
    assert!(account["last_poll_at"].is_string() && account["next_poll_at"].is_string(), "{account}");

    assert_eq!(switch(&world, &ann, "stop").await, json!({"is_running": false}));
    assert_eq!(status(&world, &ann).await["is_running"], false);
    eventually("nothing is due any more", SOON, || async {
        let text = "SELECT 1::bigint AS value FROM mailbox.mailboxes WHERE due_reason IN ('poll', 'push', 'early_push') \
            AND due_at IS NOT NULL OR lease_owner IS NOT NULL";
        world.number(text).await.is_none().then_some(())
    })
    .await;
    gmail.deliver(ANN, Default::default()).unwrap();
    world.push(ANN, gmail.profile(ANN).unwrap().history_id, None).await;
    eventually("the push is recorded", SOON, || async {
        let queue = world.get(&ann, "/api/v1/gmail/watch/queue").await.body;
        (queue["data"][0]["status"] == "pending").then_some(())
    })
    .await;
    // Longer than a scan takes.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(mails(&world, &ann).await, 2);
    let queue = world.get(&ann, "/api/v1/gmail/watch/queue").await.body;
    assert_eq!(queue["data"][0]["status"], "pending");
    // What is asked for is done.
    let polled = world.post(&ann, "/api/system/email-monitor/poll-now", None).await;
    assert_eq!((polled.status, &polled.body), (200, &json!({"new_emails": 1})));
    assert_eq!(mails(&world, &ann).await, 3);

    gmail.deliver(ANN, Default::default()).unwrap();
    assert_eq!(switch(&world, &ann, "start").await, json!({"is_running": true}));
    eventually("it catches up by itself", SOON, || async { (mails(&world, &ann).await == 4).then_some(()) }).await;
    assert_eq!(switch(&world, &ann, "start").await, json!({"is_running": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_switches_his_own_and_nobody_without_an_account_starts_anything() {
    let world = World::new(&[(ANN, 1), (BEN, 1)]).await;
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    switch(&world, &ann, "stop").await;
    assert_eq!(status(&world, &ben).await["is_running"], true);
    let nobody = Account::stranger("globex", "ann");
    assert_eq!(
        status(&world, &nobody).await,
        json!({"is_running": false, "last_poll_at": null, "last_error": null, "emails_processed_total": 0, "accounts": []})
    );
    assert_eq!(switch(&world, &nobody, "stop").await, json!({"is_running": false}));
    for how in ["start", "poll-now"] {
        let answer = world.post(&nobody, &format!("/api/system/email-monitor/{how}"), None).await;
        answer.is_problem(409, how);
        assert_eq!(answer.code(), "no_account");
        let theirs = format!("/api/system/email-monitor/{how}?connector_id={}", ann.id);
        for who in [&ben, &nobody] {
            world.post(who, &theirs, None).await.is_problem(404, how);
        }
        for query in ["connector_id=x", "user_email=nobody", "more=1"] {
            world.post(&ann, &format!("/api/system/email-monitor/{how}?{query}"), None).await.is_problem(422, query);
        }
    }
    world
        .get(&ben, &format!("/api/system/email-monitor/status?connector_id={}", ann.id))
        .await
        .is_problem(404, "status");
    world.tell(&ann, "reauth_required", Default::default()).await;
    let answer = world.post(&ann, "/api/system/email-monitor/poll-now", None).await;
    answer.is_problem(409, "no grant");
    assert_eq!(answer.code(), "reauth_required");
    assert_eq!(switch(&world, &ann, "start").await, json!({"is_running": false}));
}
