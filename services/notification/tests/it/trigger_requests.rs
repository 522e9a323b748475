//! Triggers that a signed request sets off.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use postrider_domain::{Clock as _, SystemClock};
use postrider_web::extract::WRITE_ID_HEADER;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use crate::harness::{Replica, SOON, World, settings};
use crate::producer::Account;
use crate::push::{AUTH, P256DH};
use crate::quiet_hours::now_quiet;
use crate::receiver::Receiver;

const PATH: &str = "/api/triggers";

async fn create(replica: &Replica, account: &Account, deliver: Value) -> (String, String) {
    let body = json!({ "name": "Order", "type": "webhook", "config": {}, "deliver": deliver });
    let request = replica.request(account, Method::POST, PATH).json(&body);
    let made = replica.call(request, StatusCode::CREATED).await;
    assert_eq!((&made["type"], &made["config"], &made["deliver"]), (&json!("webhook"), &json!({}), &deliver));
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

/// As somebody else's program signs it, by the standard and not by our code.
fn signed(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Without any token of a caller.
fn post(replica: &Replica, trigger: &str, id: &str, timestamp: i64, signature: &str, body: &str) -> RequestBuilder {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client
        .post(format!("{}{PATH}/{trigger}/fire", replica.api))
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature)
        .header("content-type", "application/json")
        .body(body.to_owned())
}

fn good(replica: &Replica, trigger: &str, secret: &str, id: &str, body: &str) -> RequestBuilder {
    let now = SystemClock.now().timestamp();
    post(replica, trigger, id, now, &signed(secret, id, now, body), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_sets_a_trigger_off_once_for_its_id() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let receiver = Receiver::start().await;
    let hook = json!({ "url": receiver.url, "event_types": ["trigger.fired"] });
    let request = replica.request(&account, Method::POST, "/api/v1/webhook-endpoints").json(&hook);
    replica.call(request, StatusCode::CREATED).await;
    let (id, secret) = create(&replica, &account, json!([{ "channel": "in_app" }])).await;
    let body = json!({ "message": "Order 7", "order": 7 }).to_string();
    let fired = replica.call(good(&replica, &id, &secret, "msg_1", &body), StatusCode::ACCEPTED).await;
    let again = replica.call(good(&replica, &id, &secret, "msg_1", &body), StatusCode::OK).await;
    assert_eq!((&fired, &fired["request_id"], &fired["message_id"]), (&again, &json!("msg_1"), &Value::Null));
    // Many at once are one too.
    let at_once = || good(&replica, &id, &secret, "msg_2", &body).send();
    let answers = tokio::join!(at_once(), at_once(), at_once(), at_once());
    let mut ids = Vec::new();
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        let answer = answer.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        ids.push(answer.json::<Value>().await.unwrap()["id"].clone());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let fires = replica.get(&account, &format!("{PATH}/{id}/fires")).await;
    assert_eq!(fires["data"].as_array().unwrap().len(), 2);
    let told = replica.get(&account, "/api/notifications?type=custom").await;
    let row = &told["data"][1];
    assert_eq!((&row["title"], &row["message"]), (&json!("Order"), &json!("Order 7")));
    assert_eq!((&row["data"]["payload"]["order"], told["data"].as_array().unwrap().len()), (&json!(7), 2));
    let seen = receiver.sent(2).await;
    assert!(seen.iter().any(|seen| seen.json()["id"] == fired["id"] && seen.json()["data"]["request_id"] == "msg_1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_with_its_secret_now_is_refused_alike() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let (id, secret) = create(&replica, &account, json!([])).await;
    let (other, other_secret) = create(&replica, &Account::new("t2", "u1"), json!([])).await;
    let (now, body) = (SystemClock.now().timestamp(), r#"{"a":1}"#);
    let mut answers = Vec::new();
    for request in [
        post(&replica, &id, "m", now, &signed(&other_secret, "m", now, body), body),
        post(&replica, &other, "m", now, &signed(&secret, "m", now, body), body),
        post(&replica, &id, "m", now, &signed(&secret, "m", now, body), r#"{"a":2}"#),
        post(&replica, &id, "n", now, &signed(&secret, "m", now, body), body),
        post(&replica, &id, "m", now + 1, &signed(&secret, "m", now, body), body),
        post(&replica, &id, "m", now - 310, &signed(&secret, "m", now - 310, body), body),
        post(&replica, &id, "m", now + 310, &signed(&secret, "m", now + 310, body), body),
        post(&replica, &id, "m", now, "v1,", body),
        post(&replica, &id, "", now, &signed(&secret, "", now, body), body),
    ] {
        let mut problem = replica.call(request, StatusCode::UNAUTHORIZED).await;
        problem.as_object_mut().unwrap().remove("request_id");
        answers.push(problem);
    }
    assert_eq!(answers[0]["code"], "signature_invalid");
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // What is no trigger, or is set off by mail alone.
    let unknown = Uuid::nil().to_string();
    for id in [unknown.as_str(), "7"] {
        let request = post(&replica, id, "m", now, &signed(&secret, "m", now, body), body);
        replica.call(request, StatusCode::NOT_FOUND).await;
    }
    let bare = reqwest::Client::builder().no_proxy().build().unwrap();
    let bare = bare.post(format!("{}{PATH}/{id}/fire", replica.api)).body("{}");
    assert_eq!(replica.call(bare, StatusCode::UNAUTHORIZED).await["code"], "signature_invalid");
    let (text, list, number) = ("{", "[]", r#"{"a":1e308}"#);
    replica.call(good(&replica, &id, &secret, "m1", text), StatusCode::BAD_REQUEST).await;
    for body in [list, number] {
        replica.call(good(&replica, &id, &secret, "m2", body), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let large = json!({ "a": "x".repeat(16 * 1024) }).to_string();
    replica.call(good(&replica, &id, &secret, "m3", &large), StatusCode::PAYLOAD_TOO_LARGE).await;
    let off = replica.request(&account, Method::PATCH, &format!("{PATH}/{id}")).json(&json!({ "enabled": false }));
    assert_eq!(replica.call(off, StatusCode::OK).await.get("secret"), None);
    let disabled = replica.call(good(&replica, &id, &secret, "m4", "{}"), StatusCode::CONFLICT).await;
    assert_eq!(disabled["code"], "trigger_disabled");
    assert_eq!(world.count(&account.tenant, "trigger_fires").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_secret_is_shown_once_and_changes_with_a_day_for_both() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (account, foreign) = (Account::new("t1", "u1"), Account::new("t1", "u2"));
    let (id, former) = create(&replica, &account, json!([])).await;
    let path = format!("{PATH}/{id}");
    assert_eq!(replica.get(&account, &path).await.get("secret"), None);
    assert!(!replica.get(&account, PATH).await.to_string().contains("whsec_"));
    let rotate = format!("{path}/rotate-secret");
    replica.call(replica.request(&foreign, Method::POST, &rotate), StatusCode::NOT_FOUND).await;
    let changed = replica.post(&account, &rotate).await;
    let secret = changed["secret"].as_str().unwrap();
    assert!(secret != former && changed["old_secret_until"].is_string());
    for (n, secret) in [&former, secret].into_iter().enumerate() {
        replica.call(good(&replica, &id, secret, &format!("m{n}"), "{}"), StatusCode::ACCEPTED).await;
    }
    // Asked for twice, it replaces what nobody has been told of; the one in use keeps its day.
    let again = replica.post(&account, &rotate).await;
    assert_eq!(again["old_secret_until"], changed["old_secret_until"]);
    replica.call(good(&replica, &id, secret, "m9", "{}"), StatusCode::UNAUTHORIZED).await;
    let secret = again["secret"].as_str().unwrap();
    for (n, secret) in [&former, secret].into_iter().enumerate() {
        replica.call(good(&replica, &id, secret, &format!("n{n}"), "{}"), StatusCode::ACCEPTED).await;
    }
    let over = "UPDATE notification.triggers SET old_secret_until = now()".to_owned();
    postrider_storage::Statement::dynamic(over).execute(&world.db.admin().await).await.unwrap();
    replica.call(good(&replica, &id, &former, "m2", "{}"), StatusCode::UNAUTHORIZED).await;
    replica.call(good(&replica, &id, secret, "m3", "{}"), StatusCode::ACCEPTED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_body_is_not_waited_for() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let (id, _) = create(&replica, &account, json!([])).await;
    let now = SystemClock.now().timestamp();
    let unknown = Uuid::from_u128(7).to_string();
    for (trigger, timestamp, length, status) in
        [(&id, now - 3_600, 1_000, "401"), (&id, now, 16_385, "413"), (&unknown, now, 1_000, "404")]
    {
        let mut stream = tokio::net::TcpStream::connect(replica.api.trim_start_matches("http://")).await.unwrap();
        // All of its head, and never a byte of what it says will come.
        let head = format!(
            "POST {PATH}/{trigger}/fire HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             webhook-id: m1\r\nwebhook-timestamp: {timestamp}\r\nwebhook-signature: v1,AAAA\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let read = tokio::time::timeout(SOON, stream.read_exact(&mut answer)).await;
        read.expect("it waits for the body").unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), format!("HTTP/1.1 {status}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_repeated_makes_one_trigger_and_one_endpoint_and_shows_the_same_secret() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let id = Uuid::from_u128(7);
    for (path, table, body) in [
        (PATH, "triggers", json!({ "name": "n", "type": "webhook", "config": {} })),
        ("/api/v1/webhook-endpoints", "webhook_endpoints", json!({ "url": "http://127.0.0.1:9/hook" })),
    ] {
        let again =
            || replica.request(&account, Method::POST, path).header(WRITE_ID_HEADER, id.to_string()).json(&body);
        let first = replica.call(again(), StatusCode::CREATED).await;
        let second = replica.call(again(), StatusCode::CREATED).await;
        assert_eq!((&first, &first["id"]), (&second, &json!(id)), "{path}");
        assert!(first["secret"].as_str().unwrap().starts_with("whsec_"));
        assert_eq!(world.count(&account.tenant, table).await, 1);
    }
}

/// Its own channels count beside those its user has chosen, also over quiet hours.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_goes_out_by_its_own_channels() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let place = Receiver::start().await;
    let browser = json!({ "endpoint": place.url, "keys": { "p256dh": P256DH, "auth": AUTH } });
    let request = replica.request(&account, Method::POST, "/api/notifications/push/subscriptions").json(&browser);
    replica.call(request, StatusCode::CREATED).await;
    let set = async |settings: Value| {
        let request = replica.request(&account, Method::PUT, "/api/notifications/preferences").json(&settings);
        replica.call(request, StatusCode::OK).await;
    };
    let (id, secret) = create(&replica, &account, json!([{ "channel": "push" }])).await;
    replica.call(good(&replica, &id, &secret, "m1", r#"{"message":"now"}"#), StatusCode::ACCEPTED).await;
    assert_eq!(crate::push::read(&place.sent(1).await[0]).await["body"], "now");
    set(now_quiet()).await;
    replica.call(good(&replica, &id, &secret, "m2", r#"{"message":"later"}"#), StatusCode::ACCEPTED).await;
    let list = replica.get(&account, "/api/notifications").await;
    assert_eq!(list["data"][0]["deliveryStatus"]["push"], "held");
    set(json!({ "quietHoursEnabled": false })).await;
    assert_eq!(crate::push::read(&place.sent(2).await[1]).await["body"], "later");
    // Nothing else of the user's goes there.
    let body = json!({ "title": "t", "message": "m" });
    let request = replica.request(&account, Method::POST, "/api/notifications").json(&body);
    let made = replica.call(request, StatusCode::CREATED).await;
    assert_eq!(made["data"]["deliveryStatus"]["push"], "skipped");
}
