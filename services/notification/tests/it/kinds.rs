//! All seven types, from the events that cause them to the sockets, as the API's reference has their members.

use postrider_contracts::connector::ConnectorReauthRequired;
use postrider_contracts::mailbox::{Address, AttachmentStored, EmailSent, QuotaWarning, SyncFailed};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Replica, SOON, World, settings};
use crate::producer::{Account, connected, mail, state, sync_completed};

/// Type, switch, event at the sockets, and its members beside those that all of them have.
const KINDS: [(&str, &str, &str, &[&str]); 7] = [
    ("new_message", "notifyNewMessage", "new_message", &["sender", "subject", "folder", "messageId", "emailId"]),
    ("sync_complete", "notifySyncComplete", "sync_complete", &["folder", "messagesSynced", "newMessages"]),
    ("sync_failed", "notifySyncFailed", "sync_failed", &["folder", "error"]),
    ("error_occurred", "notifyError", "error", &["errorType", "errorMessage"]),
    ("message_sent", "notifyMessageSent", "message_sent", &["recipient", "subject"]),
    (
        "attachment_downloaded",
        "notifyAttachmentDownloaded",
        "attachment_downloaded",
        &["emailId", "filename", "sizeBytes"],
    ),
    ("quota_warning", "notifyQuotaWarning", "quota_warning", &["quotaUsedPercent"]),
];

/// One of each; `n` tells them from those of another time.
async fn all(world: &World, account: &Account, n: i64) {
    world.send(account, &mail(&format!("m{n}"))).await;
    world.send(account, &sync_completed(&format!("r{n}"), "asked")).await;
    let mut run = sync_completed(&format!("f{n}"), "asked").run;
    run.as_mut().unwrap().error = "history_expired".to_owned();
    world.send(account, &SyncFailed { run }).await;
    let lost = ConnectorReauthRequired { connector: Some(state(account, 2 * n, "reauth_required")) };
    world.send(account, &lost).await;
    let mut sent = mail(&format!("s{n}")).email.unwrap();
    sent.to = vec![Address { name: String::new(), email: "ann@example.org".to_owned() }];
    world.send(account, &EmailSent { email: Some(sent) }).await;
    let stored = AttachmentStored {
        email_id: format!("e{n}"),
        attachment_id: "a".to_owned(),
        filename: "plan.pdf".to_owned(),
        size_bytes: 7,
        asked_for: true,
    };
    world.send(account, &stored).await;
    let percent_used = u32::try_from(80 + n).unwrap();
    world.send(account, &QuotaWarning { percent_used, scope: "user".to_owned() }).await;
}

async fn switch(replica: &Replica, account: &Account, on: bool) {
    let switches: serde_json::Map<String, Value> =
        KINDS.iter().map(|(_, name, ..)| ((*name).to_owned(), json!(on))).collect();
    let request = replica.request(account, Method::PUT, "/api/notifications/preferences").json(&switches);
    replica.call(request, StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_type_is_told_with_its_members_and_not_at_all_when_it_is_off() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    // The first sync always tells, whatever its switch says.
    world.send(&account, &sync_completed("r0", "first")).await;
    world.notified(&account, 1).await;
    switch(&replica, &account, true).await;
    let mut socket = replica.subscribed(&account).await;
    socket.subscribe("user:u1:sync").await;
    socket.rest().await;
    all(&world, &account, 1).await;
    world.notified(&account, 8).await;
    let told = socket.rest().await;
    for (kind, _, event, members) in KINDS {
        let name = format!("notification:{event}");
        let of_it: Vec<&Value> = told.iter().filter(|(told, _)| *told == name).map(|(_, data)| data).collect();
        let [data] = of_it.as_slice() else { panic!("{name}: {told:?}") };
        for member in members.iter().chain(&["notificationId", "eventId", "nseq", "accountId"]) {
            assert!(data.get(member).is_some_and(|value| !value.is_null()), "{name} has no {member}: {data}");
        }
        let path = format!("/api/notifications?type={kind}");
        let list = replica.get(&account, &path).await;
        assert_eq!(list["data"][0]["id"], data["notificationId"], "{kind}");
    }
    let stats = replica.get(&account, "/api/notifications/stats").await;
    assert_eq!(stats["data"]["total"], 8, "{stats}");
    switch(&replica, &account, false).await;
    // Connected again, so that a grant can be lost once more.
    world.send(&account, &connected(&account, 3)).await;
    all(&world, &account, 2).await;
    // What is not told is known by the event behind it.
    let last = json!({ "title": "last", "message": "m" });
    replica.call(replica.request(&account, Method::POST, "/api/notifications").json(&last), StatusCode::CREATED).await;
    postrider_testing::eventually("all of them taken", SOON, || async {
        let feed = replica.get(&account, "/api/v1/events?types=quota.warning").await;
        (feed["data"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    let rest = socket.rest().await;
    let names: Vec<&str> = rest.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.iter().all(|name| ["notification:custom", "notification:unread_count"].contains(name)), "{names:?}");
    assert_eq!(replica.get(&account, "/api/notifications/stats").await["data"]["total"], 9);
}
