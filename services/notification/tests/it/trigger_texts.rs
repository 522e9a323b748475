//! Triggers that look into a mail's text, which only the sync-worker has.

use postrider_contracts::mailbox::EmailReceived;
use postrider_testing::eventually;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Replica, SOON, World, settings};
use crate::producer::{Account, connected, mail, publish};

const PATH: &str = "/api/triggers";

async fn looking_for(world: &World, replica: &Replica, account: &Account, words: &str) -> String {
    world.send(account, &connected(account, 1)).await;
    eventually("the account", SOON, || async { (world.count(&account.tenant, "accounts").await > 0).then_some(()) })
        .await;
    let config = json!({ "connector_id": account.id, "body_contains": words });
    let body = json!({ "name": "n", "type": "email", "config": config, "deliver": [{ "channel": "in_app" }] });
    let made = replica.call(replica.request(account, Method::POST, PATH).json(&body), StatusCode::CREATED).await;
    assert_eq!(made["config"], config);
    made["id"].as_str().unwrap().to_owned()
}

fn saying(world: &World, message_id: &str, text: Option<&str>) -> EmailReceived {
    let mail = mail(message_id);
    if let (Some(text), Some(email)) = (text, &mail.email) {
        world.texts.put(&email.email_id, text);
    }
    mail
}

/// Waits until nothing is left to look into.
async fn looked(world: &World, account: &Account, questions: usize) {
    eventually("all mails looked into", SOON, || async {
        let open = world.count(&account.tenant, "trigger_checks").await;
        (open == 0 && world.texts.asked().len() >= questions).then_some(())
    })
    .await;
}

async fn fires(replica: &Replica, account: &Account, id: &str) -> Vec<Value> {
    replica.get(account, &format!("{PATH}/{id}/fires")).await["data"].as_array().unwrap().clone()
}

/// How many rows hold a text, as text or as bytes.
async fn kept(world: &World, text: &str) -> i64 {
    let tables =
        ["trigger_fires", "trigger_checks", "notifications", "user_log", "deliveries", "feed", "outbox", "inbox"];
    let rows: Vec<_> =
        tables.iter().map(|table| format!("SELECT t::text AS said FROM notification.{table} t")).collect();
    let query = format!(
        "SELECT count(*) AS value FROM ({}) rows WHERE said LIKE '%' || $1 || '%' \
             OR said LIKE '%' || encode(convert_to($1, 'UTF8'), 'hex') || '%'",
        rows.join(" UNION ALL ")
    );
    let found = postrider_storage::Statement::dynamic(query).bind(text);
    let postrider_storage::Value(count) = found.get_result(&world.db.admin().await).await.unwrap();
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_text_has_the_words_sets_it_off_once_and_no_other() {
    let world = World::new().await;
    let (replica, second) = (world.replica(settings()).await, world.replica(settings()).await);
    let account = Account::new("t1", "u1");
    let id = looking_for(&world, &replica, &account, "ORDER número 7").await;
    let envelope = world
        .producer
        .send(&world.publisher, &account, &saying(&world, "m1", Some("Your order NÚMERO 7 is here")))
        .await;
    publish(&world.publisher, vec![envelope]).await;
    world.send(&account, &saying(&world, "m2", Some("Nothing of that"))).await;
    // Gone before it was looked into.
    world.send(&account, &saying(&world, "m3", None)).await;
    world.notified(&account, 4).await;
    looked(&world, &account, 3).await;
    let fired = fires(&replica, &account, &id).await;
    assert_eq!((fired.len(), &fired[0]["message_id"]), (1, &json!("m1")));
    let told = replica.get(&account, "/api/notifications?type=custom").await;
    assert_eq!(
        (&told["data"][0]["message"], &told["data"][0]["senderEmail"]),
        (&json!("Subject"), &json!("john@example.com"))
    );
    // Each is asked about once, in the name of its user.
    let asked = world.texts.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|(tenant, user, _)| (tenant.as_str(), user.as_str()) == ("t1", "u1")), "{asked:?}");
    // No text of a mail stands anywhere in what we keep; its subject, which may, is found by the same look.
    assert_eq!((kept(&world, "NÚMERO").await, kept(&world, "Subject m1").await > 0), (0, true));
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_text_is_not_to_be_had_the_mail_waits_and_a_trigger_that_is_off_asks_no_more() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let id = looking_for(&world, &replica, &account, "order").await;
    world.texts.away(true);
    world.send(&account, &saying(&world, "m1", Some("order"))).await;
    eventually("a question", SOON, || async { (!world.texts.asked().is_empty()).then_some(()) }).await;
    world.send(&account, &saying(&world, "m2", Some("order"))).await;
    eventually("two questions", SOON, || async { (world.texts.asked().len() >= 2).then_some(()) }).await;
    assert_eq!(
        (fires(&replica, &account, &id).await.len(), world.count(&account.tenant, "trigger_checks").await),
        (0, 2)
    );
    // Each when the test says so, and not by itself.
    let admin = world.db.admin().await;
    let due = |mail: &str, when: &str| {
        let text = format!("UPDATE notification.trigger_checks SET due_at = {when} WHERE message_id = '{mail}'");
        postrider_storage::Statement::dynamic(text)
    };
    for mail in ["m1", "m2"] {
        due(mail, "now() + interval '1 hour'").execute(&admin).await.unwrap();
    }
    world.texts.away(false);
    due("m1", "now()").execute(&admin).await.unwrap();
    eventually("the fire", SOON, || async { (fires(&replica, &account, &id).await.len() == 1).then_some(()) }).await;
    let questions = world.texts.asked().len();
    let off = replica.request(&account, Method::PATCH, &format!("{PATH}/{id}")).json(&json!({ "enabled": false }));
    replica.call(off, StatusCode::OK).await;
    due("m2", "now()").execute(&admin).await.unwrap();
    looked(&world, &account, 0).await;
    assert_eq!((fires(&replica, &account, &id).await.len(), world.texts.asked().len()), (1, questions));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_to_be_looked_into_for_a_trigger_that_wants_something_else_now_sets_nothing_off() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let id = looking_for(&world, &replica, &account, "order").await;
    world.texts.away(true);
    world.send(&account, &saying(&world, "m1", Some("order"))).await;
    eventually("a question", SOON, || async { (!world.texts.asked().is_empty()).then_some(()) }).await;
    let change = |body: Value| {
        let request = replica.request(&account, Method::PATCH, &format!("{PATH}/{id}")).json(&body);
        replica.call(request, StatusCode::OK)
    };
    // Another name changes nothing for the mail that waits, and neither does the same once more.
    let config = json!({ "connector_id": account.id, "body_contains": "order" });
    change(json!({ "name": "other", "config": config })).await;
    assert_eq!(world.count(&account.tenant, "trigger_checks").await, 1);
    change(json!({ "config": { "connector_id": account.id, "from": "shop@b.c", "body_contains": "order" } })).await;
    world.texts.away(false);
    let due = "UPDATE notification.trigger_checks SET due_at = now(), claimed_until = NULL".to_owned();
    postrider_storage::Statement::dynamic(due).execute(&world.db.admin().await).await.unwrap();
    looked(&world, &account, 1).await;
    assert_eq!(fires(&replica, &account, &id).await, Vec::<Value>::new());
    assert_eq!(world.count(&account.tenant, "notifications").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_long_in_coming_keeps_no_other_mail_waiting() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let id = looking_for(&world, &replica, &account, "order").await;
    world.texts.away(true);
    for mail in ["m1", "m2"] {
        world.send(&account, &saying(&world, mail, Some("order"))).await;
    }
    eventually("both asked about", SOON, || async { (world.texts.asked().len() >= 2).then_some(()) }).await;
    let admin = world.db.admin().await;
    let due = |when: &str| {
        let text = format!("UPDATE notification.trigger_checks SET due_at = {when}, claimed_until = NULL");
        postrider_storage::Statement::dynamic(text)
    };
    due("now() + interval '1 hour'").execute(&admin).await.unwrap();
    eventually("nobody at it", SOON, || async {
        let text =
            "SELECT count(*) AS value FROM notification.trigger_checks WHERE due_at > now() + interval '50 minutes'";
        let waiting = postrider_storage::Statement::dynamic(text.to_owned());
        let postrider_storage::Value(waiting): postrider_storage::Value<i64> =
            waiting.get_result(&admin).await.unwrap();
        due("now() + interval '1 hour'").execute(&admin).await.unwrap();
        (waiting == 2).then_some(())
    })
    .await;
    world.texts.away(false);
    // Whichever is asked about first: both are claimed in one go.
    let answer = world.texts.hold_one();
    due("now()").execute(&admin).await.unwrap();
    eventually("the other's fire", SOON, || async { (fires(&replica, &account, &id).await.len() == 1).then_some(()) })
        .await;
    answer.notify_one();
    eventually("both fires", SOON, || async { (fires(&replica, &account, &id).await.len() == 2).then_some(()) }).await;
}
