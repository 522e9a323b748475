//! What a mail says, and to whom.

use postrider_contracts::{OwnMail, Purpose};
use postrider_domain::SystemIds;
use postrider_notification::rules::Mark;
use serde_json::{Value, json};

use super::office;
use crate::post_office::origin_key;
use crate::producer::Account;

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_one_mail_that_says_what_it_is() {
    let office = office().await;
    office.raise("Grüße <b>").await;
    office.send().await;
    office.send().await;
    let [mail] = office.server.taken().try_into().unwrap();
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("mail@postrider.example", "me@example.org"));
    let id = &office.texts("SELECT id::text AS value FROM notification.deliveries").await[0];
    assert_eq!(mail.message_id(), format!("<{id}@postrider.example>"));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let link = mail.header("List-Unsubscribe");
    assert!(link.starts_with("<https://mail.example.com/api/notifications/unsubscribe/"), "{link}");
    let Account { tenant, user, .. } = &office.account;
    let own = OwnMail { purpose: Purpose::Digest, tenant, user, message_id: &mail.message_id() };
    assert!(own.is_signed(&mail.header("X-Postrider-Origin"), &[origin_key()]));
    assert!(mail.text().contains("Grüße <b>") && mail.source.contains("&#60;b&#62;"), "{}", mail.source);
    assert_eq!(office.mails().await, ["delivered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_content_the_mail_tells_nothing_but_the_kind() {
    let office = office().await;
    office.set(None, json!({ "includeContent": false })).await;
    office.raise("Secretplan").await;
    office.send().await;
    let [mail] = office.server.taken().try_into().unwrap();
    assert!(!mail.source.contains("Secretplan") && mail.text().contains("A notification"), "{}", mail.source);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_switched_off_or_silenced_meanwhile_is_not_mailed() {
    let office = office().await;
    let id = office.raise("read").await;
    office.mark(&id, Mark::Read).await;
    office.send().await;
    office.raise("off").await;
    office.set(None, json!({ "channels": ["in_app"] })).await;
    office.send().await;
    assert_eq!(office.server.taken().len(), 0);
    let [read, off] = office.mails().await.try_into().unwrap();
    assert!(read.starts_with("skipped") && off == "skipped channel_off", "{read}, {off}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_written_to_that_its_user_may_not_have_mails_sent_to() {
    let office = office().await;
    // Set before the rule was there, or the account has gone since.
    office.set(None, json!({ "digestEmail": "stranger@example.org" })).await;
    office.raise("one").await;
    office.send().await;
    assert_eq!(office.mails().await, ["skipped no_address"]);
    let second = Account {
        id: postrider_domain::ConnectorId(postrider_domain::IdGen::uuid(&SystemIds)),
        ..office.account.clone()
    };
    office.connect(&second, "Stranger@Example.org").await;
    office.raise("two").await;
    office.send().await;
    assert_eq!(office.server.taken()[0].to, "stranger@example.org");
    // Without a choice it is the account's own address, and the first account's for what is about none.
    office.set(None, json!({ "digestEmail": Value::Null })).await;
    office.raise_for(&office.account, Some(second.id), "three").await;
    office.raise("four").await;
    office.send().await;
    let mut to: Vec<_> = office.server.taken().into_iter().skip(1).map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, ["Stranger@Example.org", "me@example.org"]);
}
