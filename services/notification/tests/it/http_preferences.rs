//! What users set, and what it does.

use postrider_domain::UserId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Replica, SOON, World, settings};
use crate::producer::{Account, connected, mail};

const PATH: &str = "/api/notifications/preferences";

async fn put(replica: &Replica, account: &Account, query: &str, body: &Value) -> Value {
    let request = replica.request(account, Method::PUT, &format!("{PATH}{query}")).json(body);
    replica.call(request, StatusCode::OK).await["data"].clone()
}

async fn post(replica: &Replica, account: &Account, verb: &str, body: &Value) -> Value {
    let request = replica.request(account, Method::POST, &format!("{PATH}/{verb}")).json(body);
    replica.call(request, StatusCode::OK).await["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lies_over_its_user_and_null_takes_back() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    world.send(&account, &mail("m")).await;
    world.notified(&account, 1).await;
    let before = replica.get(&account, PATH).await["data"].clone();
    assert_eq!(before["id"], Value::Null);
    let body =
        json!({ "notifyNewMessage": false, "quietHoursTimezone": "america/new_york", "digestEmail": "Me@example.com" });
    let user = put(&replica, &account, "", &body).await;
    assert_eq!((&user["notifyNewMessage"], &user["quietHoursTimezone"]), (&json!(false), &json!("America/New_York")));
    assert!(user["id"].is_string() && user["accountId"].is_null());
    let query = format!("?connector_id={}", account.id);
    let narrow =
        json!({ "notifyNewMessage": true, "silencedFolders": ["Promotions"], "channels": ["in_app", "webhook"] });
    let own = put(&replica, &account, &query, &narrow).await;
    assert_eq!((&own["notifyNewMessage"], &own["accountId"]), (&json!(true), &json!(account.id)));
    assert_eq!(own["quietHoursTimezone"], "America/New_York");
    assert_eq!(replica.get(&account, PATH).await["data"], user);
    // An answer may be sent back as it came; what is read-only in it changes nothing.
    assert_eq!(put(&replica, &account, "", &user).await, user);
    let taken_back = put(&replica, &account, &query, &json!({ "notifyNewMessage": null })).await;
    assert_eq!(
        (&taken_back["notifyNewMessage"], &taken_back["silencedFolders"]),
        (&json!(false), &json!(["Promotions"]))
    );
    // Nobody else's are touched.
    for other in [Account::new("t1", "u2"), Account::new("t2", "u1")] {
        assert_eq!(replica.get(&other, PATH).await["data"]["notifyNewMessage"], true);
        for (method, path) in [
            (Method::PUT, PATH.to_owned()),
            (Method::POST, format!("{PATH}/silence")),
            (Method::POST, format!("{PATH}/simulate")),
        ] {
            let body = match path.as_str() {
                PATH => json!({}),
                path if path.ends_with("silence") => json!({ "type": "sender", "value": "a@b.c" }),
                _ => json!({ "at": 0, "type": "new_message" }),
            };
            let request = replica.request(&other, method, &format!("{path}{query}")).json(&body);
            assert_eq!(replica.call(request, StatusCode::NOT_FOUND).await["code"], "not_found");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_named_and_change_nothing() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let before = replica.get(&account, PATH).await;
    for (field, value) in [
        ("quietHoursTimezone", json!("Mars/Olympus")),
        ("quietHoursTimezone", json!("+02:00")),
        ("digestTimezone", json!("")),
        ("digestTime", json!("9:00")),
        ("digestTime", json!("24:00")),
        ("quietHoursStart", json!("22:00:00")),
        ("quietHoursEnd", json!("22:00")),
        ("digestFrequency", json!("hourly")),
        ("digestEmail", json!("stranger@example.com")),
        ("digestEmail", json!("nobody")),
        ("channels", json!(["fax"])),
        ("channels", json!("email")),
        ("silencedSenders", json!(["a"])),
        ("silencedSenders", json!(["*@*.com"])),
        ("silencedFolders", json!([" "])),
        ("silencedFolders", json!(["a\0"])),
        ("silencedFolders", json!((0..1_001).map(|n| n.to_string()).collect::<Vec<_>>())),
        ("notifyNewMessage", json!("yes")),
        ("more", json!(1)),
    ] {
        let body = json!({ field: value });
        let request = replica.request(&account, Method::PUT, PATH).json(&body);
        let problem = replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
        let named = problem["errors"][0]["field"].as_str().unwrap();
        assert!(named.starts_with(field), "{body}: {problem}");
    }
    for body in [
        json!({}),
        json!({ "type": "sender" }),
        json!({ "type": "label", "value": "x" }),
        json!({ "type": "sender", "value": "x" }),
        json!({ "type": "folder", "value": "" }),
        json!({ "type": "folder", "value": "x", "more": 1 }),
    ] {
        for verb in ["silence", "unsilence"] {
            let request = replica.request(&account, Method::POST, &format!("{PATH}/{verb}")).json(&body);
            replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    }
    for body in [
        json!({ "at": "now", "type": "new_message" }),
        json!({ "at": 0, "type": "mail" }),
        json!({ "type": "new_message" }),
        json!({ "at": i64::MAX, "type": "new_message" }),
        json!({ "at": 0, "type": "new_message", "sender": "x" }),
        json!({ "at": 0, "type": "new_message", "folder": "" }),
    ] {
        let request = replica.request(&account, Method::POST, &format!("{PATH}/simulate")).json(&body);
        replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    assert_eq!(replica.get(&account, PATH).await, before);
    assert_eq!(world.count(&account.tenant, "preferences").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn silencing_ten_senders_at_once_forgets_none() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let silence =
        (0..10).map(|n| {
            let (replica, account) = (&replica, &account);
            async move {
                post(replica, account, "silence", &json!({ "type": "sender", "value": format!("a{n}@b.c") })).await
            }
        });
    futures_util::future::join_all(silence).await;
    let again = post(&replica, &account, "silence", &json!({ "type": "sender", "value": "A3@B.C" })).await;
    assert_eq!(again["silencedSenders"].as_array().unwrap().len(), 10);
    let less = post(&replica, &account, "unsilence", &json!({ "type": "sender", "value": "a3@b.c" })).await;
    assert_eq!(less["silencedSenders"].as_array().unwrap().len(), 9);
    let folder = post(&replica, &account, "silence", &json!({ "type": "folder", "value": "[Gmail]/Spam" })).await;
    assert_eq!(folder, json!({ "silencedFolders": ["[Gmail]/Spam"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silenced_mail_is_read_already_and_alerts_nobody() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    post(&replica, &account, "silence", &json!({ "type": "sender", "value": "*@example.com" })).await;
    let mut socket = replica.subscribed(&account).await;
    world.send(&account, &mail("quiet")).await;
    world.notified(&account, 1).await;
    socket.expect_silence().await;
    let list = replica.get(&account, "/api/notifications").await;
    let row = &list["data"][0];
    assert_eq!((&row["isRead"], &list["unreadCount"]), (&json!(true), &json!(0)));
    assert_eq!(row["deliveryStatus"]["in_app"], "skipped");
    let why = replica.get(&account, &format!("/api/notifications/{}/explain", row["id"].as_str().unwrap())).await;
    for decision in why["data"]["decisions"].as_array().unwrap() {
        assert_eq!(decision["reason"], "sender_silenced", "{decision}");
    }
    // Switched off, there is no row; the reason is kept.
    put(&replica, &account, "", &json!({ "notifyNewMessage": false, "silencedSenders": [] })).await;
    world.send(&account, &mail("off")).await;
    postrider_testing::eventually("the reason", SOON, || async {
        (world.count(&account.tenant, "suppressions").await == 1).then_some(())
    })
    .await;
    let feed = replica.get(&account, "/api/v1/events").await;
    let event = feed["data"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    let why = replica.get(&account, &format!("/api/notifications/{event}/explain")).await;
    assert_eq!((&why["data"]["type"], &why["data"]["id"]), (&json!("new_message"), &json!(event)));
    let [made] = why["data"]["decisions"].as_array().unwrap().as_slice() else { panic!("{why}") };
    assert_eq!((&made["channel"], &made["reason"]), (&json!("row"), &json!("type_off")));
    let foreign =
        replica.request(&Account::new("t1", "u2"), Method::GET, &format!("/api/notifications/{event}/explain"));
    replica.call(foreign, StatusCode::NOT_FOUND).await;
    // Without in_app there is a row, and the count, and no alert.
    put(&replica, &account, "", &json!({ "notifyNewMessage": true, "channels": ["email"] })).await;
    world.send(&account, &mail("counted")).await;
    world.notified(&account, 2).await;
    assert_eq!(socket.expect("notification:unread_count").await["unreadCount"], 1);
    socket.expect_silence().await;
    assert_eq!(replica.get(&account, "/api/notifications").await["data"][0]["deliveryStatus"]["in_app"], "skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn simulate_tells_what_would_happen_and_why() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let nights = json!({ "quietHoursEnabled": true, "quietHoursStart": "22:00", "quietHoursEnd": "08:00",
                         "quietHoursTimezone": "Europe/Berlin", "silencedSenders": ["*@spam.example"] });
    put(&replica, &account, "", &nights).await;
    // 2026-06-01T21:00:00Z, 23:00 in Berlin.
    let night = json!({ "at": 1_780_347_600_000_i64, "type": "new_message", "sender": "a@b.c", "folder": "Inbox" });
    let told = post(&replica, &account, "simulate", &night).await;
    assert_eq!((&told["notified"], &told["isRead"]), (&json!(true), &json!(false)));
    let live = &told["decisions"][1];
    assert_eq!(
        (&live["channel"], &live["outcome"], &live["reason"]),
        (&json!("live"), &json!("held"), &json!("quiet_hours"))
    );
    assert_eq!(live["until"], 1_780_380_000_000_i64);
    // Nobody is pushed to who has no browser for it.
    put(&replica, &account, "", &json!({ "channels": ["in_app", "push"], "pushEnabled": true })).await;
    let noon = json!({ "at": 1_780_308_000_000_i64, "type": "new_message" });
    let push = &post(&replica, &account, "simulate", &noon).await["decisions"][2];
    assert_eq!(
        (&push["channel"], &push["outcome"], &push["reason"]),
        (&json!("push"), &json!("skipped"), &json!("no_subscription"))
    );
    let spam = json!({ "at": 0, "type": "new_message", "sender": "x@spam.example" });
    let told = post(&replica, &account, "simulate", &spam).await;
    assert_eq!((&told["notified"], &told["isRead"]), (&json!(true), &json!(true)));
    let off = post(&replica, &account, "simulate", &json!({ "at": 0, "type": "message_sent" })).await;
    assert_eq!((&off["notified"], &off["decisions"][0]["reason"]), (&json!(false), &json!("type_off")));
    assert_eq!(world.count(&account.tenant, "notifications").await, 0);
    let stranger = Account { user: UserId::parse("u2").unwrap(), ..account };
    let told = post(&replica, &stranger, "simulate", &night).await;
    assert_eq!(told["decisions"][1]["reason"], "channel_on");
}
