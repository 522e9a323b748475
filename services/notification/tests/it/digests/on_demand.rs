//! Digests that are asked for, and the list of all.

use chrono::TimeDelta;
use postrider_domain::{IdGen as _, SystemIds};
use postrider_notification::digests::ask;
use postrider_notification::rules::preferences::Frequency;
use postrider_web::extract::WRITE_ID_HEADER;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{IN_DIGESTS, at_home, close, connect, raised};
use crate::harness::{SOON, World, settings};
use crate::mail_server::MailServer;
use crate::post_office::PostOffice;
use crate::producer::Account;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_digest_on_demand_takes_is_in_no_later_one() {
    let office = PostOffice::new().await;
    office.raise("before").await;
    office.clock.advance(TimeDelta::minutes(1));
    office.set(None, json!({ "digestFrequency": "daily", "digestTime": "09:00", "digestTimezone": "UTC" })).await;
    let Account { tenant, user, .. } = &office.account;
    let digest = async |frequency| {
        let tx = office.world.db.db.tenant(tenant).await.unwrap();
        office.actions.lock_user(&tx, tenant, user).await.unwrap();
        let made = ask(&tx, &office.actions, tenant, user, (SystemIds.uuid(), frequency)).await.unwrap();
        tx.commit().await.unwrap();
        made.map(|digest| digest.notification_count)
    };
    office.clock.advance(TimeDelta::minutes(1));
    // Digests have only been wanted for a minute; what is asked for is the last day.
    assert_eq!(digest(Frequency::Daily).await, Some(1));
    assert_eq!(digest(Frequency::Daily).await, None);
    office.raise("a").await;
    office.raise("b").await;
    office.clock.advance(TimeDelta::minutes(1));
    assert_eq!(digest(Frequency::Weekly).await, Some(2));
    assert_eq!(digest(Frequency::Weekly).await, None);
    office.raise("c").await;
    office.clock.advance(TimeDelta::days(1));
    close(&office).await;
    assert_eq!(
        office.texts(IN_DIGESTS).await,
        ["before 06-01 12:02", "a 06-01 12:03", "b 06-01 12:03", "c 06-02 09:00"]
    );
    assert_eq!(office.server.taken().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_are_listed_and_sent_by_request() {
    let server = MailServer::start().await;
    let mut world = World::new().await;
    let account = Account::new("t1", "u1");
    let send = "/api/notifications/digests/send";
    {
        let replica = world.replica(settings()).await;
        let request = replica.request(&account, Method::POST, send).json(&json!({ "frequency": "daily" }));
        assert_eq!(replica.call(request, StatusCode::SERVICE_UNAVAILABLE).await["code"], "mail_not_configured");
    }
    world.mail = Some(server.settings());
    let replica = world.replica(settings()).await;
    let ask = async |body: Value, status| {
        replica.call(replica.request(&account, Method::POST, send).json(&body), status).await
    };
    assert_eq!(ask(json!({ "frequency": "daily" }), StatusCode::UNPROCESSABLE_ENTITY).await["code"], "no_address");
    connect(&world, &account).await;
    let nothing = ask(json!({ "frequency": "daily" }), StatusCode::OK).await;
    assert_eq!(nothing["data"], json!({ "sent": false, "digest": null, "notificationCount": 0 }));
    for bad in [
        json!({}),
        json!({ "frequency": "none" }),
        json!({ "frequency": "hourly" }),
        json!({ "frequency": "daily", "x": 1 }),
    ] {
        ask(bad, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let id = raised(&replica, &account).await;
    let sent = ask(json!({ "frequency": "monthly" }), StatusCode::OK).await["data"].clone();
    assert_eq!(
        (&sent["sent"], &sent["notificationCount"], &sent["digest"]["notificationIds"]),
        (&json!(true), &json!(1), &json!([id]))
    );
    assert!(server.took(1).await[0].text().contains("monthly digest: 1 notification"));
    let list = postrider_testing::eventually("the digest sent", SOON, || async {
        let list = replica.get(&account, "/api/notifications/digests").await;
        (list["data"][0]["emailSent"] == true).then_some(list)
    })
    .await;
    assert_eq!((&list["pagination"]["total"], &list["data"][0]["frequency"]), (&json!(1), &json!("monthly")));
    assert!(list["data"][0]["emailSentAt"].as_i64().unwrap() >= list["data"][0]["createdAt"].as_i64().unwrap());
    let explained = replica.get(&account, &format!("/api/notifications/{}/explain", id.as_str().unwrap())).await;
    let last = explained["data"]["decisions"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["channel"], &last["reason"]), (&json!("digest"), &json!("in_digest")));
    for other in [Account::new("t1", "u2"), Account::new("t2", "u1")] {
        assert_eq!(replica.get(&other, "/api/notifications/digests").await["data"], json!([]));
    }
    for bad in ["page=0", "limit=0", "limit=101", "page=x", "more=1"] {
        let request = replica.request(&account, Method::GET, &format!("/api/notifications/digests?{bad}"));
        replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_is_answered_with_the_digest_it_made() {
    let (server, world, replica, account) = at_home().await;
    raised(&replica, &account).await;
    let ask = async |who: &Account, id: u128| {
        let request = replica.request(who, Method::POST, "/api/notifications/digests/send");
        let request = request.header(WRITE_ID_HEADER, Uuid::from_u128(id).to_string());
        let answer = replica.call(request.json(&json!({ "frequency": "daily" })), StatusCode::OK).await;
        (answer["data"]["sent"].clone(), answer["data"]["digest"]["id"].clone())
    };
    let first = ask(&account, 7).await;
    assert_eq!(first, (json!(true), json!(Uuid::from_u128(7))));
    assert_eq!(ask(&account, 7).await, first);
    // Another request finds nothing that is in no digest.
    assert_eq!(ask(&account, 8).await, (json!(false), Value::Null));
    server.took(1).await;
    assert_eq!(
        (world.count(&account.tenant, "digests").await, world.count(&account.tenant, "deliveries").await),
        (1, 1)
    );
}
