//! What leaves the house about a new mail waits for Gmail's verdict on spam; rows and sockets do not, and are taken back.

use chrono::TimeDelta;
use postrider_contracts::mailbox::EmailLabelsChanged;
use postrider_testing::eventually;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Replica, SOON, World, settings};
use crate::producer::{Account, connected, mail, state};
use crate::push::{AUTH, P256DH};
use crate::receiver::Receiver;

fn spam(message_id: &str, spam: bool) -> EmailLabelsChanged {
    EmailLabelsChanged { message_id: message_id.to_owned(), spam, ..EmailLabelsChanged::default() }
}

/// A world with that hold; its user wants everything to go out that may, to one place.
async fn holding(hold: TimeDelta) -> (World, Replica, Account, Receiver) {
    let mut world = World::new().await;
    world.spam_hold = hold;
    let (replica, account) = (world.replica(settings()).await, Account::new("t1", "u1"));
    let place = Receiver::start().await;
    world.send(&account, &connected(&account, 1)).await;
    outgoing(&replica, &account, &place).await;
    (world, replica, account, place)
}

/// Everything goes out that may: to a browser and to an endpoint.
async fn outgoing(replica: &Replica, account: &Account, place: &Receiver) {
    let wants = json!({ "channels": ["in_app", "push", "webhook"], "pushEnabled": true });
    let request = replica.request(account, Method::PUT, "/api/notifications/preferences").json(&wants);
    replica.call(request, StatusCode::OK).await;
    let browser = json!({ "endpoint": place.url, "keys": { "p256dh": P256DH, "auth": AUTH } });
    let request = replica.request(account, Method::POST, "/api/notifications/push/subscriptions").json(&browser);
    replica.call(request, StatusCode::CREATED).await;
    let hook = json!({ "url": place.url, "event_types": ["notification.created"] });
    let request = replica.request(account, Method::POST, "/api/v1/webhook-endpoints").json(&hook);
    replica.call(request, StatusCode::CREATED).await;
}

async fn status(replica: &Replica, account: &Account, query: &str) -> Value {
    replica.get(account, &format!("/api/notifications?type=new_message&{query}")).await["data"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_turns_out_to_be_spam_is_told_nobody_outside_and_taken_back_inside() {
    let (world, replica, account, place) = holding(TimeDelta::hours(1)).await;
    let mut socket = replica.subscribed(&account).await;
    socket.rest().await;
    world.send(&account, &mail("m1")).await;
    let told = socket.expect("notification:new_message").await;
    assert_eq!(socket.expect("notification:unread_count").await["unreadCount"], 1);
    let held = status(&replica, &account, "").await;
    assert_eq!(
        (&held["deliveryStatus"]["push"], &held["deliveryStatus"]["webhook"]),
        (&json!("pending"), &json!("pending"))
    );
    // Other labels change nothing.
    world.send(&account, &spam("m1", false)).await;
    world.send(&account, &spam("m1", true)).await;
    let gone = socket.expect("notification:archived").await;
    assert_eq!(gone["notificationId"], told["notificationId"]);
    assert_eq!(socket.expect("notification:unread_count").await["unreadCount"], 0);
    let row = status(&replica, &account, "archived=true").await;
    assert_eq!(
        (&row["deliveryStatus"]["push"], &row["deliveryStatus"]["webhook"]),
        (&json!("skipped"), &json!("skipped"))
    );
    let why = replica.get(&account, &format!("/api/notifications/{}/explain", row["id"].as_str().unwrap())).await;
    let last = why["data"]["decisions"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["channel"], &last["reason"]), (&json!("row"), &json!("turned_spam")));
    assert_eq!(place.seen().len(), 0);
    // Once more is nothing more.
    world.send(&account, &spam("m1", true)).await;
    world.send(&account, &mail("m2")).await;
    assert_eq!(socket.next(SOON).await.unwrap().0, "notification:new_message");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_spam_goes_out_when_the_time_is_over() {
    let (world, replica, account, place) = holding(TimeDelta::seconds(1)).await;
    world.send(&account, &mail("m1")).await;
    let seen = place.sent(2).await;
    let hook = seen.iter().find(|seen| seen.headers.contains_key("webhook-id")).unwrap().json();
    assert_eq!((&hook["account_id"], &hook["seq"]), (&json!(account.id), &json!(1)));
    eventually("both delivered", SOON, || async {
        let status = status(&replica, &account, "").await["deliveryStatus"].clone();
        (status["push"] == "delivered" && status["webhook"] == "delivered").then_some(())
    })
    .await;
    let tx = world.db.db.tenant(&account.tenant).await.unwrap();
    let early = "SELECT count(*) AS value FROM deliveries WHERE attempted_at < created_at + interval '1 second'";
    let postrider_storage::Value(early): postrider_storage::Value<i64> =
        postrider_storage::Statement::dynamic(early.to_owned()).get_result(&tx).await.unwrap();
    assert_eq!(early, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_spam_shown_keeps_what_was_told() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let mut shown = state(&account, 1, "active");
    shown.settings.get_or_insert_default().include_spam_trash = true;
    let shown = postrider_contracts::connector::ConnectorConnected { connector: Some(shown) };
    world.send(&account, &shown).await;
    eventually("the account", SOON, || async { (world.count(&account.tenant, "accounts").await > 0).then_some(()) })
        .await;
    world.send(&account, &mail("m1")).await;
    world.send(&account, &spam("m1", true)).await;
    world.send(&account, &mail("m2")).await;
    world.notified(&account, 2).await;
    let list = replica.get(&account, "/api/notifications").await;
    assert_eq!(list["pagination"]["total"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trigger_says_of_a_mail_waits_and_is_taken_back_as_well() {
    let (world, replica, account, place) = holding(TimeDelta::hours(1)).await;
    let deliver = json!([{ "channel": "in_app" }, { "channel": "push" }]);
    let trigger =
        json!({ "name": "all", "type": "email", "config": { "connector_id": account.id }, "deliver": deliver });
    let request = replica.request(&account, Method::POST, "/api/triggers").json(&trigger);
    eventually("the trigger", SOON, || async {
        (request.try_clone().unwrap().send().await.unwrap().status() == StatusCode::CREATED).then_some(())
    })
    .await;
    world.send(&account, &mail("m1")).await;
    world.notified(&account, 2).await;
    let said = |query: &'static str| {
        let (replica, account) = (&replica, &account);
        async move { replica.get(account, &format!("/api/notifications?type=custom&{query}")).await["data"][0].clone() }
    };
    assert_eq!(said("").await["deliveryStatus"]["push"], "pending");
    world.send(&account, &spam("m1", true)).await;
    let row = eventually("the row archived", SOON, || async {
        let row = said("archived=true").await;
        (row["title"] == "all").then_some(row)
    })
    .await;
    assert_eq!(row["deliveryStatus"]["push"], "skipped");
    assert_eq!(place.seen().len(), 0);
}
