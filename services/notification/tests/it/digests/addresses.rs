//! Addresses that are not of an account confirm themselves first.

use chrono::TimeDelta;
use postrider_notification::deliveries::CONFIRM;
use postrider_notification::store::deliveries::{self, NewMail};
use postrider_storage::Statement;
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::at_home;
use crate::post_office::PostOffice;
use crate::producer::Account;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_to_confirm_itself_before_mails_go_there() {
    let (server, world, replica, account) = at_home().await;
    let addresses = "/api/notifications/addresses";
    let ask = async |address: &str, status| {
        let request = replica.request(&account, Method::POST, addresses).json(&json!({ "address": address }));
        replica.call(request, status).await
    };
    let choose = async |status| {
        let body = json!({ "digestEmail": "boss@example.net" });
        let request = replica.request(&account, Method::PUT, "/api/notifications/preferences").json(&body);
        replica.call(request, status).await
    };
    choose(StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(ask("boss@example.net", StatusCode::OK).await["data"]["confirmed"], false);
    // Asked twice, it gets one mail.
    let asked = "UPDATE notification.mail_addresses SET asked_at = asked_at - interval '23 hours'";
    Statement::dynamic(asked.to_owned()).execute(&world.db.admin().await).await.unwrap();
    ask("Boss@example.net", StatusCode::OK).await;
    assert_eq!(world.count(&account.tenant, "deliveries").await, 1);
    let mail = server.took(1).await.remove(0);
    assert_eq!((mail.to.as_str(), mail.header("List-Unsubscribe")), ("boss@example.net", String::new()));
    choose(StatusCode::UNPROCESSABLE_ENTITY).await;
    let path = mail.link("https://mail.example.com/api/notifications/addresses/");
    let path = path.strip_prefix("https://mail.example.com").unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let open = async |method| client.request(method, format!("{}{path}", replica.api)).send().await.unwrap().status();
    assert_eq!(open(Method::GET).await, StatusCode::OK);
    choose(StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!((open(Method::POST).await, open(Method::POST).await), (StatusCode::OK, StatusCode::OK));
    choose(StatusCode::OK).await;
    assert_eq!(ask("boss@example.net", StatusCode::OK).await["data"]["confirmed"], true);
    // It is that user's, and nobody else's.
    let other = Account::new("t1", "u2");
    let body = json!({ "digestEmail": "boss@example.net" });
    let request = replica.request(&other, Method::PUT, "/api/notifications/preferences").json(&body);
    replica.call(request, StatusCode::UNPROCESSABLE_ENTITY).await;
    for wrong in ["nobody", "", "a@b@c d"] {
        ask(wrong, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    for n in 0..4 {
        ask(&format!("x{n}@example.net"), StatusCode::OK).await;
    }
    assert_eq!(ask("x9@example.net", StatusCode::TOO_MANY_REQUESTS).await["code"], "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_a_link_that_is_dead() {
    let office = PostOffice::new().await;
    let Account { tenant, user, .. } = &office.account;
    for (n, address) in [(1, "late@example.net"), (2, "fresh@example.net")] {
        let now = office.actions.now();
        let new = NewMail {
            id: Uuid::from_u128(n),
            user,
            event_id: Uuid::from_u128(n),
            kind: CONFIRM,
            account: None,
            notifications: &[],
            digest: None,
            address: Some(address),
            due: now,
            now,
        };
        let tx = office.world.db.db.tenant(tenant).await.unwrap();
        assert!(deliveries::insert_mail(&tx, tenant, new).await.unwrap());
        tx.commit().await.unwrap();
        office.clock.advance(TimeDelta::hours(12));
    }
    // The first was asked for a day ago, and no mail server took it.
    office.send().await;
    assert_eq!(office.mails().await, ["skipped expired", "delivered"]);
    let [mail] = office.server.taken().try_into().unwrap();
    assert_eq!(mail.to, "fresh@example.net");
}
