//! Endpoints over the API, and what reaches them.

use std::path::Path;
use std::process::Stdio;

use postrider_domain::UserId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::{Replica, SOON, World, settings};
use crate::js_client::installed;
use crate::producer::{Account, connected, mail};
use crate::receiver::{Receiver, Reply, Seen};
use crate::tokens;

const PATH: &str = "/api/v1/webhook-endpoints";

async fn create(replica: &Replica, account: &Account, body: &Value) -> Value {
    replica.call(replica.request(account, Method::POST, PATH).json(body), StatusCode::CREATED).await
}

async fn patch(replica: &Replica, account: &Account, id: &str, body: &Value) -> Value {
    let request = replica.request(account, Method::PATCH, &format!("{PATH}/{id}")).json(body);
    replica.call(request, StatusCode::OK).await
}

/// Whether the npm package `standardwebhooks` takes a message with a secret.
async fn verifies(secret: &Value, seen: &Seen) -> bool {
    let headers: Value = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .map(|name| (name.to_owned(), json!(seen.header(name))))
        .collect();
    let input = json!({ "secret": secret, "headers": headers, "body": seen.body });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js/verify.mjs");
    let answer = Command::new("node")
        .arg(script)
        .arg(input.to_string())
        .current_dir(installed())
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("node runs: install Node.js 18 or newer");
    match String::from_utf8(answer.stdout).unwrap().trim() {
        "good" => true,
        "bad" => false,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_told_signed_and_with_as_much_as_was_asked_for() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    let receiver = Receiver::start().await;
    let made = create(&replica, &account, &json!({ "url": receiver.url, "event_types": ["email.received"] })).await;
    let id = made["id"].as_str().unwrap();
    world.send(&account, &mail("m1")).await;
    let seen = receiver.sent(1).await.remove(0);
    let message = seen.json();
    assert_eq!((&message["type"], &message["seq"]), (&json!("email.received"), &json!(1)));
    assert_eq!((&message["account_id"], &message["data"]["message_id"]), (&json!(account.id), &json!("m1")));
    assert_eq!(message["id"], seen.header("webhook-id"));
    assert!(!seen.body.contains("Subject") && !seen.body.contains("john@example.com"), "{}", seen.body);
    assert!(verifies(&made["secret"], &seen).await);
    let altered = Seen { body: seen.body.replace("m1", "m2"), ..seen.clone() };
    assert!(!verifies(&made["secret"], &altered).await);
    // While the secret is changed, both hold.
    let path = format!("{PATH}/{id}/rotate-secret");
    let rotated = replica.post(&account, &path).await;
    assert!(rotated["secret"] != made["secret"] && rotated["old_secret_until"].is_string());
    patch(&replica, &account, id, &json!({ "include_content": true })).await;
    world.send(&account, &mail("m2")).await;
    let second = receiver.sent(2).await.remove(1);
    assert_eq!(second.json()["data"]["subject"], "Subject m2");
    for secret in [&made["secret"], &rotated["secret"]] {
        assert!(verifies(secret, &second).await);
    }
    // Asked for twice, it replaces what nobody has been told of; the one in use keeps its day.
    let again = replica.post(&account, &path).await;
    assert_eq!(again["old_secret_until"], rotated["old_secret_until"]);
    world.send(&account, &mail("m3")).await;
    let third = receiver.sent(3).await.remove(2);
    for (secret, signs) in [(&made["secret"], true), (&rotated["secret"], false), (&again["secret"], true)] {
        assert_eq!(verifies(secret, &third).await, signs);
    }
    assert_eq!(replica.get(&account, &format!("{PATH}/{id}")).await.get("secret"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_an_endpoint_is_disabled_is_kept_and_sent_in_the_end() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    let receiver = Receiver::start().await;
    let made = create(&replica, &account, &json!({ "url": receiver.url })).await;
    let id = made["id"].as_str().unwrap();
    let off = patch(&replica, &account, id, &json!({ "status": "disabled" })).await;
    assert_eq!((&off["status"], &off["disabled_reason"]), (&json!("disabled"), &json!("owner")));
    world.send(&account, &mail("m1")).await;
    world.send(&account, &mail("m2")).await;
    world.notified(&account, 2).await;
    let kept = replica.get(&account, &format!("{PATH}/{id}/deliveries?state=pending")).await;
    assert_eq!(kept["data"].as_array().unwrap().len(), 2);
    assert!(kept["data"][0]["next_attempt_at"].is_null() && receiver.seen().is_empty());
    let on = patch(&replica, &account, id, &json!({ "status": "enabled" })).await;
    assert_eq!((&on["status"], &on["disabled_reason"]), (&json!("enabled"), &Value::Null));
    receiver.sent(2).await;
    let delivered = postrider_testing::eventually("the log", SOON, || async {
        let log = replica.get(&account, &format!("{PATH}/{id}/deliveries?state=delivered")).await;
        (log["data"].as_array().unwrap().len() == 2).then_some(log)
    })
    .await;
    // One again, then all from a number on: the same ids.
    let one = delivered["data"][0]["id"].as_str().unwrap();
    replica.post(&account, &format!("{PATH}/{id}/deliveries/{one}/replay")).await;
    let seen = receiver.sent(3).await;
    assert_eq!(seen[2].header("webhook-id"), delivered["data"][0]["event_id"].as_str().unwrap());
    let request =
        replica.request(&account, Method::POST, &format!("{PATH}/{id}/replay")).json(&json!({ "from_seq": 2 }));
    let window = replica.call(request, StatusCode::OK).await;
    assert_eq!(window, json!({ "queued": 1, "next_seq": null }));
    let seen = receiver.sent(4).await;
    assert_eq!((&seen[3].json()["seq"], &seen[3].json()["data"]["message_id"]), (&json!(2), &json!("m2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_goes_to_webhooks_if_its_user_wants_and_says_how_far_it_is() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let receiver = Receiver::start().await;
    let made =
        create(&replica, &account, &json!({ "url": receiver.url, "event_types": ["notification.created"] })).await;
    let put = |channels: Value| {
        let request = replica.request(&account, Method::PUT, "/api/notifications/preferences");
        replica.call(request.json(&json!({ "channels": channels })), StatusCode::OK)
    };
    put(json!(["in_app"])).await;
    let say = |title: &'static str| {
        let body = json!({ "title": title, "message": "m" });
        replica.call(replica.request(&account, Method::POST, "/api/notifications").json(&body), StatusCode::CREATED)
    };
    assert_eq!(say("one").await["data"]["deliveryStatus"]["webhook"], "skipped");
    put(json!(["in_app", "webhook"])).await;
    receiver.replies([Reply::Status(200)]);
    let told = say("two").await["data"].clone();
    assert_eq!(told["deliveryStatus"]["webhook"], "pending");
    let seen = receiver.sent(1).await.remove(0);
    assert_eq!(seen.json()["data"]["notification_id"], told["id"]);
    assert!(!seen.body.contains("two"), "{}", seen.body);
    postrider_testing::eventually("the delivery", SOON, || async {
        let list = replica.get(&account, "/api/notifications").await;
        (list["data"][0]["deliveryStatus"]["webhook"] == "delivered").then_some(())
    })
    .await;
    let one = replica.get(&account, &format!("/api/notifications/{}", told["id"].as_str().unwrap())).await;
    assert_eq!(one["data"]["deliveryStatus"]["webhook"], "delivered");
    let path = format!("/api/notifications/{}/explain", told["id"].as_str().unwrap());
    let sent = &replica.get(&account, &path).await["data"]["deliveries"];
    assert_eq!(
        (&sent[0]["channel"], &sent[0]["state"], &sent[0]["attempts"], &sent[0]["reason"], &sent[1]),
        (&json!("webhook"), &json!("delivered"), &json!(1), &Value::Null, &Value::Null)
    );
    assert_eq!(receiver.seen().len(), 1, "{made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_button_says_what_the_endpoint_made_of_it() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let receiver = Receiver::start().await;
    let made = create(&replica, &account, &json!({ "url": receiver.url })).await;
    let path = format!("{PATH}/{}/test", made["id"].as_str().unwrap());
    receiver.replies([Reply::Status(200), Reply::Status(418), Reply::Redirect("http://127.0.0.1/".to_owned())]);
    let answers = [
        json!({ "delivered": true, "status_code": 200, "error": null }),
        json!({ "delivered": false, "status_code": 418, "error": "status" }),
        json!({ "delivered": false, "status_code": 302, "error": "redirect_refused" }),
    ];
    for expected in answers {
        assert_eq!(replica.post(&account, &path).await, expected);
    }
    let seen = receiver.seen();
    assert_eq!(seen[0].json()["type"], "webhook.test");
    assert!(verifies(&made["secret"], &seen[0]).await);
    drop(receiver);
    assert_eq!(replica.post(&account, &path).await["error"], "connection_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_their_users_alone() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let foreign = Account { user: UserId::parse("u2").unwrap(), ..Account::new("t1", "u2") };
    world.send(&foreign, &connected(&foreign, 1)).await;
    world.send(&foreign, &mail("m")).await;
    world.notified(&foreign, 1).await;
    let receiver = Receiver::start().await;
    let made = create(&replica, &account, &json!({ "url": receiver.url })).await;
    let id = made["id"].as_str().unwrap();
    let routes = [
        (Method::GET, format!("{PATH}/{id}"), json!(null)),
        (Method::PATCH, format!("{PATH}/{id}"), json!({})),
        (Method::DELETE, format!("{PATH}/{id}"), json!(null)),
        (Method::POST, format!("{PATH}/{id}/test"), json!(null)),
        (Method::POST, format!("{PATH}/{id}/rotate-secret"), json!(null)),
        (Method::GET, format!("{PATH}/{id}/deliveries"), json!(null)),
        (Method::POST, format!("{PATH}/{id}/deliveries/{id}/replay"), json!(null)),
        (Method::POST, format!("{PATH}/{id}/replay"), json!({ "from_seq": 1 })),
    ];
    for other in [&foreign, &Account::new("t2", "u1")] {
        for (method, path, body) in &routes {
            let mut request = replica.request(other, method.clone(), path);
            if !body.is_null() {
                request = request.json(body);
            }
            assert_eq!(replica.call(request, StatusCode::NOT_FOUND).await["code"], "not_found", "{method} {path}");
        }
        assert_eq!(replica.get(other, PATH).await, json!({ "data": [], "next_cursor": null }));
    }
    // A stranger's account is none.
    let body = json!({ "url": receiver.url, "account_ids": [foreign.id] });
    replica.call(replica.request(&account, Method::POST, PATH).json(&body), StatusCode::NOT_FOUND).await;
    // Everything of the tenant is for its administrators.
    let body = json!({ "url": receiver.url, "whole_tenant": true });
    replica.call(replica.request(&account, Method::POST, PATH).json(&body), StatusCode::FORBIDDEN).await;
    let admin = tokens::internal(&account, "read write tenant:admin");
    let whole = replica.call(replica.request_with(&admin, Method::POST, PATH).json(&body), StatusCode::CREATED).await;
    world.send(&foreign, &mail("told")).await;
    assert_eq!(receiver.sent(1).await[0].json()["account_id"], foreign.id.to_string());
    // Who may only write, be it its own maker, sends it to no other place and with nothing more.
    let whole = format!("{PATH}/{}", whole["id"].as_str().unwrap());
    for (method, path, body) in [
        (Method::PATCH, whole.clone(), json!({ "url": "http://127.0.0.1:9/", "include_content": true })),
        (Method::POST, format!("{whole}/rotate-secret"), json!({})),
        (Method::POST, format!("{whole}/replay"), json!({ "from_seq": 1, "account_id": foreign.id })),
    ] {
        let refused = replica.request(&account, method.clone(), &path).json(&body);
        assert_eq!(replica.call(refused, StatusCode::FORBIDDEN).await["code"], "insufficient_scope", "{method} {path}");
    }
    let again = replica.request_with(&admin, Method::POST, &format!("{whole}/replay"));
    let again = again.json(&json!({ "from_seq": 1, "account_id": foreign.id }));
    assert_eq!(replica.call(again, StatusCode::OK).await, json!({ "queued": 2, "next_seq": null }));
    receiver.sent(3).await;
    let gone = replica.request(&account, Method::DELETE, &format!("{PATH}/{id}"));
    replica.call(gone, StatusCode::NO_CONTENT).await;
    replica.call(replica.request(&account, Method::GET, &format!("{PATH}/{id}")), StatusCode::NOT_FOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_endpoints_are_named() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let receiver = Receiver::start().await;
    let id = create(&replica, &account, &json!({ "url": receiver.url })).await["id"].as_str().unwrap().to_owned();
    for (field, value) in [
        ("url", json!("example.com")),
        ("url", json!("ftp://example.com")),
        ("url", json!("https://u:p@example.com")),
        ("url", json!("https://example.com/#x")),
        ("url", json!(7)),
        ("event_types", json!(["email.arrived"])),
        ("event_types", json!("email.received")),
        ("account_ids", json!(["7"])),
        ("include_content", json!("yes")),
        ("more", json!(1)),
    ] {
        let mut body = json!({ "url": receiver.url });
        body[field] = value.clone();
        let requests = [
            replica.request(&account, Method::POST, PATH).json(&body),
            replica.request(&account, Method::PATCH, &format!("{PATH}/{id}")).json(&json!({ field: value })),
        ];
        for request in requests {
            let problem = replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
            assert!(problem["errors"][0]["field"].as_str().unwrap().starts_with(field), "{body}: {problem}");
        }
    }
    for body in [json!({}), json!({ "from_seq": 0 }), json!({ "from_seq": "1" }), json!({ "from_seq": 1, "x": 1 })] {
        let request = replica.request(&account, Method::POST, &format!("{PATH}/{id}/replay")).json(&body);
        replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    for path in [format!("{PATH}/7"), format!("{PATH}/{}", uuid::Uuid::nil()), format!("{PATH}/{id}/deliveries/7")] {
        let request = replica.request(&account, Method::GET, &path);
        replica.call(request, StatusCode::NOT_FOUND).await;
    }
    for query in ["limit=0", "cursor=x", "state=done"] {
        let request = replica.request(&account, Method::GET, &format!("{PATH}/{id}/deliveries?{query}"));
        replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let list = replica.get(&account, &format!("{PATH}?limit=1")).await;
    assert_eq!((list["data"].as_array().unwrap().len(), &list["next_cursor"]), (1, &Value::Null));
}
