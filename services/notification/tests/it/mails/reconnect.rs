//! The mail about a lost grant.

use chrono::TimeDelta;
use postrider_notification::actions::Owner;
use postrider_notification::reconnect::NoLink;
use postrider_notification::rules::{Recipient, Verdict, trouble};
use postrider_notification::store::preferences;
use serde_json::json;

use super::office;
use crate::mail_server::Reply;
use crate::post_office::{PostOffice, time};
use crate::producer::Account;

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_grant_is_mailed_at_once_with_a_link_that_is_kept_nowhere() {
    let office = office().await;
    office.set(None, json!({ "quietHoursEnabled": true, "quietHoursStart": "00:00", "quietHoursEnd": "23:59" })).await;
    reauth(&office, 2).await;
    office.server.replies([Reply::Content("451 later")]);
    office.send().await;
    office.clock.advance(TimeDelta::seconds(5));
    office.send().await;
    let [mail] = office.server.taken().try_into().unwrap();
    // Each attempt has a link of its own.
    assert!(mail.text().contains("https://mail.example.com/connect/secret-2"), "{}", mail.text());
    assert_eq!(office.links.made.lock().unwrap().as_slice(), [office.account.id, office.account.id]);
    assert_eq!((mail.header("List-Unsubscribe"), mail.header("List-Unsubscribe-Post")), (String::new(), String::new()));
    for table in ["notifications", "deliveries", "user_log", "outbox"] {
        let rows = office.texts(&format!("SELECT t::text AS value FROM notification.{table} t")).await;
        assert!(rows.iter().all(|row| !row.contains("connect/secret")), "{table}");
    }
    // It works again before the mail is sent: no mail. The connector is away: later.
    *office.links.refuses.lock().unwrap() = Some(NoLink::Away);
    reauth(&office, 3).await;
    office.send().await;
    assert_eq!(office.mails().await[1], "pending");
    *office.links.refuses.lock().unwrap() = Some(NoLink::NotNeeded);
    office.clock.advance(TimeDelta::minutes(1));
    office.send().await;
    assert_eq!(office.mails().await[1], "skipped works_again");
    // Its owner has enough links: the mail goes without.
    *office.links.refuses.lock().unwrap() = Some(NoLink::Enough);
    reauth(&office, 4).await;
    office.send().await;
    assert!(!office.server.taken()[1].text().contains("/connect/"));
    // So it does when the connector has been away for an hour.
    *office.links.refuses.lock().unwrap() = Some(NoLink::Away);
    reauth(&office, 5).await;
    office.send().await;
    office.clock.advance(TimeDelta::minutes(59));
    office.send().await;
    assert_eq!(office.mails().await[3], "pending");
    office.clock.advance(TimeDelta::minutes(1));
    office.send().await;
    assert_eq!(office.mails().await[3], "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_grant_whose_mail_met_the_night_on_its_way_does_not_wait_for_its_end() {
    let office = office().await;
    // 21:59:50 in Berlin.
    office.clock.set(time("2026-06-01T19:59:50Z"));
    office.set(None, json!({ "quietHoursEnabled": true, "quietHoursTimezone": "Europe/Berlin" })).await;
    office.server.replies([Reply::Content("451 later")]);
    reauth(&office, 2).await;
    office.send().await;
    assert_eq!(office.mails().await, ["pending status"]);
    office.clock.advance(TimeDelta::minutes(5));
    office.send().await;
    assert_eq!(office.mails().await, ["delivered"]);
    let [mail] = office.server.taken().try_into().unwrap();
    assert!(mail.text().contains("https://mail.example.com/connect/secret-2"), "{}", mail.text());
}

async fn reauth(office: &PostOffice, version: i64) {
    let Account { tenant, user, id } = &office.account;
    let mut tx = office.world.db.db.tenant(tenant).await.unwrap();
    let account = postrider_notification::store::accounts::find(&tx, tenant, *id).await.unwrap().unwrap();
    let values = preferences::effective(&tx, tenant, user, Some(*id)).await.unwrap().preferences;
    let now = office.actions.now();
    let to = Recipient { account, preferences: values, at: now, now };
    let state = crate::producer::state(&office.account, version, "reauth_required");
    let verdict = trouble::reauth_required(&state, &to);
    let Verdict::Raise(draft) = verdict else { panic!("{verdict:?}") };
    office.actions.raise(&mut tx, Owner { tenant, user, trace: None }, Some(*id), *draft).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}
