//! Mails of ours that come back.

use chrono::TimeDelta;
use postrider_notification::actions::Owner;
use postrider_notification::rules::{OwnDigest, Recipient, Verdict, mail};
use postrider_notification::store::preferences;
use serde_json::json;

use super::office;
use crate::post_office::origin_key;
use crate::producer::Account;

#[tokio::test(flavor = "multi_thread")]
async fn mails_of_ours_that_come_back_raise_no_further_mail() {
    let office = office().await;
    office.set(None, json!({ "digestFrequency": "daily" })).await;
    office.raise("one").await;
    office.send().await;
    let sent = office.server.taken().remove(0);
    let mut back = crate::producer::mail("back").email.unwrap();
    (back.rfc_message_id, back.origin) = (sent.message_id(), sent.header("X-Postrider-Origin"));
    // In the mailbox of its own user, and in that of another one whose digest or alert it never was.
    let other = Account::new("t1", "u2");
    office.connect(&other, "me@example.org").await;
    office
        .set_of(
            &other.tenant,
            &other.user,
            None,
            json!({ "channels": ["in_app", "email"], "digestFrequency": "daily" }),
        )
        .await;
    for (who, told) in [(&office.account, false), (&other, true)] {
        let Account { tenant, user, id } = who;
        let mut tx = office.world.db.db.tenant(tenant).await.unwrap();
        let account = postrider_notification::store::accounts::find(&tx, tenant, *id).await.unwrap().unwrap();
        let values = preferences::effective(&tx, tenant, user, Some(*id)).await.unwrap().preferences;
        let now = office.actions.now();
        let to = Recipient { account, preferences: values, at: now, now };
        let own = OwnDigest::of(&back, tenant, user, &[origin_key()]);
        match mail::received(&back, own, &to) {
            Verdict::Raise(draft) if told => {
                let owner = Owner { tenant, user, trace: None };
                office.actions.raise(&mut tx, owner, Some(*id), *draft).await.unwrap().unwrap();
            }
            Verdict::Suppress { decision, .. } if !told => assert_eq!(decision.reason, "own_digest"),
            other => panic!("{other:?}"),
        }
        tx.commit().await.unwrap();
    }
    office.send().await;
    office.clock.advance(TimeDelta::days(1));
    office.close_digests().await;
    office.send().await;
    // The alert, and the digest of its own user; nothing for the other.
    assert_eq!(office.server.taken().len(), 2);
    let empty = "SELECT notification_count::text AS value FROM notification.digests ORDER BY user_id";
    assert_eq!(office.texts(empty).await, ["1", "0"]);
}
