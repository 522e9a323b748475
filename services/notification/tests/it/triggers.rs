//! What new mail sets off.

use postrider_contracts::Event;
use postrider_contracts::notification::TriggerFired;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Replica, SOON, World, settings};
use crate::producer::{Account, connected, mail, publish};
use crate::receiver::Receiver;

const PATH: &str = "/api/triggers";

async fn create(replica: &Replica, account: &Account, body: &Value) -> Value {
    replica.call(replica.request(account, Method::POST, PATH).json(body), StatusCode::CREATED).await
}

async fn fires(replica: &Replica, account: &Account, id: &str) -> Vec<Value> {
    replica.get(account, &format!("{PATH}/{id}/fires")).await["data"].as_array().unwrap().clone()
}

/// An account that the service knows.
async fn known(world: &World, account: &Account) {
    world.send(account, &connected(account, 1)).await;
    postrider_testing::eventually("the account", SOON, || async {
        (world.count(&account.tenant, "accounts").await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_sets_a_trigger_off_once_however_often_its_event_comes() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    known(&world, &account).await;
    let receiver = Receiver::start().await;
    let hook = json!({ "url": receiver.url, "event_types": ["trigger.fired"] });
    let request = replica.request(&account, Method::POST, "/api/v1/webhook-endpoints").json(&hook);
    replica.call(request, StatusCode::CREATED).await;
    let config =
        json!({ "connector_id": account.id, "from": "*@example.com", "subject": "SUBJECT m1", "labels": ["INBOX"] });
    let body = json!({ "name": "Orders", "type": "email", "config": config, "deliver": [{ "channel": "in_app" }] });
    let made = create(&replica, &account, &body).await;
    assert_eq!((&made["config"], &made["enabled"], &made["deliver"]), (&config, &json!(true), &body["deliver"]));
    let id = made["id"].as_str().unwrap();
    let envelope = world.producer.send(&world.publisher, &account, &mail("m1")).await;
    publish(&world.publisher, vec![envelope]).await;
    world.send(&account, &mail("m1")).await;
    world.send(&account, &mail("other")).await;
    // Two mails, and what the trigger says of one.
    world.notified(&account, 3).await;
    let fired = fires(&replica, &account, id).await;
    assert_eq!((fired.len(), &fired[0]["message_id"]), (1, &json!("m1")));
    let told = replica.get(&account, "/api/notifications?type=custom").await;
    assert_eq!((&told["data"][0]["title"], &told["data"][0]["message"]), (&json!("Orders"), &json!("Subject m1")));
    let seen = receiver.sent(1).await;
    assert_eq!((&seen[0].json()["id"], &seen[0].json()["data"]["trigger_id"]), (&fired[0]["id"], &made["id"]));
    // Consumers outside get the event itself.
    let path = format!("/internal/events?stream=notification/{}&after=0", account.id);
    let events = replica.get(&account, &path).await;
    let kinds = events["data"].as_array().unwrap().iter().filter(|event| event["type"] == TriggerFired::TYPE);
    assert_eq!(kinds.count(), 1);
    // Switched off, changed, gone.
    let patch = |body: Value| {
        let request = replica.request(&account, Method::PATCH, &format!("{PATH}/{id}"));
        replica.call(request.json(&body), StatusCode::OK)
    };
    assert_eq!(patch(json!({ "enabled": false, "config": { "connector_id": account.id } })).await["enabled"], false);
    world.send(&account, &mail("m2")).await;
    world.notified(&account, 4).await;
    assert_eq!(fires(&replica, &account, id).await.len(), 1);
    patch(json!({ "enabled": true, "deliver": [] })).await;
    world.send(&account, &mail("m3")).await;
    world.notified(&account, 5).await;
    assert_eq!(fires(&replica, &account, id).await.len(), 2);
    // A mail of ours, another user's or one that says so: what is mailed about it must not set off the next one.
    let mut ours = mail("m4");
    ours.email.as_mut().unwrap().origin = "another user's".to_owned();
    world.send(&account, &ours).await;
    world.notified(&account, 6).await;
    assert_eq!(fires(&replica, &account, id).await.len(), 2);
    let gone = replica.request(&account, Method::DELETE, &format!("{PATH}/{id}"));
    replica.call(gone, StatusCode::NO_CONTENT).await;
    replica.call(replica.request(&account, Method::GET, &format!("{PATH}/{id}")), StatusCode::NOT_FOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_are_their_users_alone_and_on_their_own_accounts() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (account, foreign, far) = (Account::new("t1", "u1"), Account::new("t1", "u2"), Account::new("t2", "u1"));
    for of in [&account, &foreign, &far] {
        known(&world, of).await;
        world.send(of, &mail("m")).await;
    }
    world.notified(&account, 2).await;
    let on = |id: &Account| json!({ "name": "n", "type": "email", "config": { "connector_id": id.id } });
    let made = create(&replica, &account, &on(&account)).await;
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    for other in [&foreign, &far] {
        let request = replica.request(&account, Method::POST, PATH).json(&on(other));
        assert_eq!(replica.call(request, StatusCode::NOT_FOUND).await["code"], "not_found");
        let moved = json!({ "config": { "connector_id": other.id } });
        replica.call(replica.request(&account, Method::PATCH, &path).json(&moved), StatusCode::NOT_FOUND).await;
        for request in [
            replica.request(other, Method::GET, &path),
            replica.request(other, Method::PATCH, &path).json(&json!({})),
            replica.request(other, Method::DELETE, &path),
            replica.request(other, Method::GET, &format!("{path}/fires")),
        ] {
            replica.call(request, StatusCode::NOT_FOUND).await;
        }
        assert_eq!(replica.get(other, PATH).await, json!({ "data": [], "next_cursor": null }));
    }
    assert_eq!(replica.get(&account, PATH).await["data"], json!([made]));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_triggers_are_named() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    known(&world, &account).await;
    let good = json!({ "name": "n", "type": "email", "config": { "connector_id": account.id } });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let config = |name: &str, value: Value| {
        let mut body = good.clone();
        body["config"][name] = value;
        body
    };
    for (field, body) in [
        ("type", with("type", json!("email:gmail"))),
        ("type", with("type", json!("cron"))),
        ("name", with("name", json!(" "))),
        ("name", with("name", json!("x".repeat(201)))),
        ("enabled", with("enabled", json!("yes"))),
        ("deliver", with("deliver", json!([{ "channel": "fax" }]))),
        ("config", with("config", json!({}))),
        ("config.connector_id", config("connector_id", json!("7"))),
        ("config.from", config("from", json!("nobody"))),
        ("config.subject", config("subject", json!(""))),
        ("config.labels", config("labels", json!(["a\0"]))),
        ("config.has_attachment", config("has_attachment", json!(1))),
        ("config", config("more", json!(1))),
        ("more", with("more", json!(1))),
    ] {
        let request = replica.request(&account, Method::POST, PATH).json(&body);
        let problem = replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with(field), "{body}: {problem}");
    }
    let retired = replica.request(&account, Method::POST, PATH).json(&with("type", json!("email:gmail")));
    let problem = replica.call(retired, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(problem["code"], "trigger_type_retired");
    assert_eq!(world.count(&account.tenant, "triggers").await, 0);
}
