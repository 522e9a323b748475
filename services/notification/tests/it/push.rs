//! Pushes to browsers: the routes, and what a browser reads.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postrider_testing::eventually;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::{Replica, SOON, World, settings, vapid};
use crate::js_client::installed;
use crate::producer::{Account, connected, mail};
use crate::receiver::{Receiver, Seen};

const PATH: &str = "/api/notifications/push/subscriptions";
/// The browser of RFC 8291's example.
pub const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
pub const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";

/// What the browser reads, by an implementation that is not ours.
pub async fn read(seen: &Seen) -> Value {
    let input = json!({ "privateKey": PRIVATE, "auth": AUTH, "body": URL_SAFE_NO_PAD.encode(&seen.bytes) });
    let folder = installed();
    let answer = Command::new("node")
        .arg(folder.join("decrypt.mjs"))
        .arg(input.to_string())
        .current_dir(&folder)
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("node runs: install Node.js 18 or newer");
    serde_json::from_slice(&answer.stdout).unwrap()
}

fn browser(endpoint: &str) -> Value {
    json!({ "endpoint": endpoint, "expirationTime": null, "keys": { "p256dh": P256DH, "auth": AUTH } })
}

async fn subscribe(replica: &Replica, account: &Account, endpoint: &str, status: StatusCode) -> Value {
    let request = replica.request(account, Method::POST, PATH).json(&browser(endpoint));
    replica.call(request, status).await["data"].clone()
}

async fn set(replica: &Replica, account: &Account, settings: Value) {
    let request = replica.request(account, Method::PUT, "/api/notifications/preferences").json(&settings);
    replica.call(request, StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_reaches_a_browser_that_alone_can_read_it() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    set(&replica, &account, json!({ "channels": ["in_app", "push"], "pushEnabled": true })).await;
    // Nobody to push to yet.
    world.send(&account, &mail("m0")).await;
    world.notified(&account, 1).await;
    let row = replica.get(&account, "/api/notifications").await["data"][0].clone();
    assert_eq!(row["deliveryStatus"]["push"], "skipped");
    let why = replica.get(&account, &format!("/api/notifications/{}/explain", row["id"].as_str().unwrap())).await;
    let push = why["data"]["decisions"].as_array().unwrap().iter().find(|made| made["channel"] == "push").unwrap();
    assert_eq!((&push["outcome"], &push["reason"]), (&json!("skipped"), &json!("no_subscription")));

    let service = Receiver::start().await;
    let subscription = subscribe(&replica, &account, &service.url, StatusCode::CREATED).await;
    world.send(&account, &mail("m1")).await;
    let seen = service.sent(1).await.remove(0);
    assert_eq!(
        (seen.header("content-encoding"), seen.header("urgency"), seen.header("topic").len()),
        ("aes128gcm".to_owned(), "high".to_owned(), 32)
    );
    assert!((86_390..=86_400).contains(&seen.header("ttl").parse::<i32>().unwrap()), "{:?}", seen.headers);
    let proof = seen.header("authorization");
    assert!(proof.starts_with("vapid t=") && proof.ends_with(vapid().public().unwrap()), "{proof}");
    assert!(seen.bytes.len() <= 4_096 && !seen.body.contains("Subject"), "{}", seen.body);
    let told = read(&seen).await;
    let row = replica.get(&account, "/api/notifications").await["data"][0].clone();
    assert_eq!(
        (&told["title"], &told["body"], &told["notificationId"], &told["accountId"], &told["seq"]),
        (&json!("New message from John Doe"), &json!("Subject m1"), &row["id"], &json!(account.id), &json!(2))
    );
    eventually("the delivery's end", SOON, || async {
        let row = replica.get(&account, "/api/notifications").await["data"][0].clone();
        (row["deliveryStatus"]["push"] == "delivered").then_some(())
    })
    .await;
    // Nothing of the mail, once its user wants it so: not even to the browser.
    set(&replica, &account, json!({ "includeContent": false })).await;
    world.send(&account, &mail("m2")).await;
    let told = read(&service.sent(2).await[1]).await;
    assert_eq!((&told["title"], &told["body"], &told["messageId"]), (&json!("New message"), &json!(""), &json!("m2")));
    assert!(!told.to_string().contains("John") && !told.to_string().contains("Subject"), "{told}");
    // Both switches count.
    set(&replica, &account, json!({ "pushEnabled": false })).await;
    world.send(&account, &mail("m3")).await;
    world.notified(&account, 4).await;
    let row = replica.get(&account, "/api/notifications").await["data"][0].clone();
    assert_eq!(row["deliveryStatus"]["push"], "skipped");
    let path = format!("{PATH}/{}", subscription["id"].as_str().unwrap());
    replica.call(replica.request(&account, Method::DELETE, &path), StatusCode::NO_CONTENT).await;
    assert_eq!(service.seen().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_their_users_alone_and_one_for_each_browser() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (account, foreign, far) = (Account::new("t1", "u1"), Account::new("t1", "u2"), Account::new("t2", "u1"));
    let key = replica.get(&account, "/api/notifications/push/public-key").await;
    assert_eq!(key["data"]["publicKey"], json!(vapid().public().unwrap()));
    let made = subscribe(&replica, &account, "https://push.example/a", StatusCode::CREATED).await;
    let again = subscribe(&replica, &account, "https://push.example/a", StatusCode::OK).await;
    assert_eq!((&made["id"], &made["currentKey"]), (&again["id"], &json!(true)));
    assert!(!made.to_string().contains(AUTH) && !made.to_string().contains(P256DH), "{made}");
    let other = subscribe(&replica, &account, "https://push.example/b", StatusCode::CREATED).await;
    let list = replica.get(&account, PATH).await;
    assert_eq!((&list["data"][0]["id"], &list["data"][1]["id"]), (&other["id"], &made["id"]));
    let page = replica.get(&account, &format!("{PATH}?limit=1")).await;
    let next = format!("{PATH}?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(replica.get(&account, &next).await["data"][0]["id"], made["id"]);
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    for stranger in [&foreign, &far] {
        assert_eq!(replica.get(stranger, PATH).await, json!({ "data": [], "next_cursor": null }));
        replica.call(replica.request(stranger, Method::DELETE, &path), StatusCode::NOT_FOUND).await;
    }
    let read_only = crate::tokens::internal(&account, "read");
    replica.call(replica.request_with(&read_only, Method::DELETE, &path), StatusCode::FORBIDDEN).await;
    let request = replica.request_with(&read_only, Method::POST, PATH).json(&browser("https://push.example/c"));
    replica.call(request, StatusCode::FORBIDDEN).await;
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        replica.call(replica.request(&account, Method::DELETE, &path), status).await;
    }
    replica.call(replica.request(&account, Method::DELETE, &format!("{PATH}/7")), StatusCode::NOT_FOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_tells_whoever_sits_in_front_of_it_now_and_nobody_else() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let [ann, ben, far] =
        [("t1", "ann"), ("t1", "ben"), ("t2", "ben")].map(|(tenant, user)| Account::new(tenant, user));
    let at = "https://push.example/shared";
    subscribe(&replica, &ann, at, StatusCode::CREATED).await;
    subscribe(&replica, &ann, "https://push.example/own", StatusCode::CREATED).await;
    subscribe(&replica, &far, at, StatusCode::CREATED).await;
    // Who knows the address alone, and none of the keys, takes nothing away.
    let mut guessed = browser(at);
    guessed["keys"]["auth"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    replica.call(replica.request(&ben, Method::POST, PATH).json(&guessed), StatusCode::CREATED).await;
    let endpoints = async |account: &Account| replica.get(account, PATH).await["data"].as_array().unwrap().len();
    assert_eq!((endpoints(&ann).await, endpoints(&ben).await), (2, 1));
    subscribe(&replica, &ben, at, StatusCode::OK).await;
    assert_eq!((endpoints(&ann).await, endpoints(&ben).await, endpoints(&far).await), (1, 1, 1));
    // And back, with both at it at once: one of them has it in the end.
    for _round in 0..10 {
        let (one, other) = tokio::join!(
            replica.request(&ann, Method::POST, PATH).json(&browser(at)).send(),
            replica.request(&ben, Method::POST, PATH).json(&browser(at)).send(),
        );
        assert!(one.unwrap().status().is_success() && other.unwrap().status().is_success());
    }
    let last = replica.request(&ann, Method::POST, PATH).json(&browser(at)).send().await.unwrap();
    assert!(last.status().is_success());
    assert_eq!((endpoints(&ann).await, endpoints(&ben).await), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_the_routes_say_so_and_when_to_ask_again() {
    let mut world = World::new().await;
    world.keyless = true;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    for (method, path, body, code) in [
        (Method::GET, "/api/notifications/push/public-key", Value::Null, "push_not_configured"),
        (Method::POST, PATH, browser("https://push.example/a"), "push_not_configured"),
        (Method::POST, "/api/v1/webhook-endpoints", json!({ "url": "http://127.0.0.1:9/" }), "webhooks_not_configured"),
        (
            Method::POST,
            "/api/triggers",
            json!({ "name": "n", "type": "webhook", "config": {} }),
            "webhooks_not_configured",
        ),
    ] {
        let answer = replica.request(&account, method, path).json(&body).send().await.unwrap();
        let after = answer.headers().get("retry-after").and_then(|after| after.to_str().unwrap().parse::<u64>().ok());
        assert_eq!((answer.status(), after), (StatusCode::SERVICE_UNAVAILABLE, Some(600)), "{path}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], code, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_subscriptions_are_named_and_there_is_a_most() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let with = |name: &str, value: Value| {
        let mut body = browser("https://push.example/a");
        body[name] = value;
        body
    };
    let keys = |p256dh: &str, auth: &str| with("keys", json!({ "p256dh": p256dh, "auth": auth }));
    for (field, body) in [
        ("endpoint", with("endpoint", json!("push.example"))),
        ("endpoint", with("endpoint", json!("ftp://push.example/"))),
        ("endpoint", with("endpoint", json!("https://push.example.net/"))),
        ("endpoint", with("endpoint", json!("https://example.net/push.example"))),
        ("endpoint", with("endpoint", json!(format!("https://push.example/{}", "x".repeat(2_048))))),
        ("keys.p256dh", keys(AUTH, AUTH)),
        ("keys.auth", keys(P256DH, P256DH)),
        ("keys", with("keys", json!({ "p256dh": P256DH }))),
        ("expirationTime", with("expirationTime", json!(1_000))),
        ("expirationTime", with("expirationTime", json!(1e300))),
        ("expirationTime", with("expirationTime", json!("soon"))),
        ("more", with("more", json!(1))),
    ] {
        let request = replica.request(&account, Method::POST, PATH).json(&body);
        let problem = replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with(field), "{body}: {problem}");
    }
    for n in 0..50 {
        subscribe(&replica, &account, &format!("https://push.example/{n}"), StatusCode::CREATED).await;
    }
    let request = replica.request(&account, Method::POST, PATH).json(&browser("https://push.example/more"));
    assert_eq!(replica.call(request, StatusCode::CONFLICT).await["code"], "too_many_subscriptions");
    // One that is there is no new one.
    subscribe(&replica, &account, "https://push.example/7", StatusCode::OK).await;
    assert_eq!(world.count(&account.tenant, "push_subscriptions").await, 50);
}
