//! Events become notifications: once each, whatever the broker does.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_broker::{Broker, BrokerConfig, Delivered, Handler, Outcome};
use postrider_contracts::connector::{ConnectorDisconnected, ConnectorReauthRequired};
use postrider_contracts::mailbox::{EmailBatchStored, SyncCompleted, SyncFailed};
use postrider_contracts::{OriginKey, OwnMail, Purpose};
use postrider_domain::SystemClock;
use postrider_notification::actions::Actions;
use postrider_notification::consumers::Consumers;
use postrider_notification::hints::{Announcer, Hub, ReplicaId};
use postrider_notification::metrics::Metrics;
use postrider_runtime::Context;
use serde_json::{Value, json};

use crate::harness::{World, settings};
use crate::producer::{Account, connected, mail, publish, state, sync_completed};
use crate::tokens;

fn titles(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|n| n["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_event_makes_one_notification_however_often_it_comes() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    let envelope = world.producer.send(&world.publisher, &account, &mail("m1")).await;
    // The same event again, and another event about the same mail.
    publish(&world.publisher, vec![envelope.clone(), envelope]).await;
    world.send(&account, &mail("m1")).await;
    world.send(&account, &mail("m2")).await;
    world.notified(&account, 2).await;
    let list = replica.get(&account, "/api/notifications").await;
    assert_eq!(titles(&list), ["Subject m2", "Subject m1"]);
    assert_eq!(list["unreadCount"], 2);
    assert_eq!(world.count(&account.tenant, "user_log").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_out_of_order_and_before_their_account_are_not_lost() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let first = world.producer.make(&account, &mail("m1"));
    let second = world.producer.make(&account, &mail("m2"));
    publish(&world.publisher, vec![second]).await;
    publish(&world.publisher, vec![first]).await;
    world.notified(&account, 2).await;
    // The account's own event comes last and fills the projection in.
    world.send(&account, &connected(&account, 3)).await;
    postrider_testing::eventually("the account", crate::harness::SOON, || async {
        let list = replica.get(&account, &format!("/api/notifications/preferences?connector_id={}", account.id)).await;
        (list["data"]["accountId"] == account.id.to_string()).then_some(())
    })
    .await;
    assert_eq!(replica.get(&account, "/api/notifications").await["pagination"]["total"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_lost_is_pulled_from_the_producer() {
    let world = World::new().await;
    let _replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    // Never published: a purged queue looks the same.
    world.producer.make(&account, &mail("m1"));
    world.producer.make(&account, &mail("m2"));
    world.notified(&account, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_is_told_once_and_its_mails_never() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    for _ in 0..40 {
        world.send(&account, &EmailBatchStored { run_id: "r1".to_owned(), count: 500, email_ids: Vec::new() }).await;
    }
    world.send(&account, &sync_completed("r1", "first")).await;
    world.send(&account, &sync_completed("r2", "asked")).await;
    let mut run = sync_completed("r3", "asked").run;
    run.as_mut().unwrap().error = "history_expired".to_owned();
    world.send(&account, &SyncFailed { run }).await;
    world.notified(&account, 2).await;
    let list = replica.get(&account, "/api/notifications?type=sync_complete").await;
    assert_eq!(list["pagination"]["total"], 1);
    assert_eq!(list["data"][0]["message"], "3000 messages synced, 3000 new");
    let failed = replica.get(&account, "/api/notifications?type=sync_failed").await;
    assert_eq!(failed["data"][0]["message"], "history_expired");
    assert_eq!(world.count(&account.tenant, "suppressions").await, 1);
    let id = list["data"][0]["id"].as_str().unwrap();
    let why = replica.get(&account, &format!("/api/notifications/{id}/explain")).await;
    assert_eq!(why["data"]["decisions"][0]["reason"], "first_sync");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gap_brought_beyond_single_mails_is_one_notification() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    let mut run = sync_completed("r1", "history_expired").run;
    run.as_mut().unwrap().kind = "repair".to_owned();
    run.as_mut().unwrap().untold = 37;
    for _ in 0..2 {
        world.send(&account, &SyncCompleted { run: run.clone() }).await;
    }
    world.notified(&account, 1).await;
    let list = replica.get(&account, "/api/notifications").await;
    assert_eq!(list["pagination"]["total"], 1);
    assert_eq!(
        (&list["data"][0]["type"], &list["data"][0]["title"]),
        (&json!("new_message"), &json!("37 more new messages"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_grant_is_told_unless_the_account_is_connected_again() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let reauth = |version| ConnectorReauthRequired { connector: Some(state(&account, version, "reauth_required")) };
    world.send(&account, &connected(&account, 1)).await;
    world.send(&account, &reauth(2)).await;
    world.notified(&account, 1).await;
    let list = replica.get(&account, "/api/notifications").await;
    assert_eq!(list["data"][0]["type"], "error_occurred");
    // Versions decide: an older loss arriving after the reconnection says nothing.
    world.send(&account, &connected(&account, 5)).await;
    world.send(&account, &reauth(4)).await;
    let gone = ConnectorDisconnected { connector: Some(state(&account, 6, "disconnected")) };
    world.send(&account, &gone).await;
    world.send(&account, &mail("late")).await;
    world.notified(&account, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_do_not_see_each_other() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (a, b) = (Account::new("t1", "same-user"), Account::new("t2", "same-user"));
    world.send(&a, &mail("m1")).await;
    world.notified(&a, 1).await;
    for table in ["notifications", "user_log", "accounts", "users", "preferences", "suppressions", "outbox"] {
        assert_eq!(world.count(&b.tenant, table).await, 0, "{table}");
    }
    let id = replica.get(&a, "/api/notifications").await["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(replica.get(&b, "/api/notifications").await["pagination"]["total"], 0);
    for path in ["", "/explain", "/read", "/unread", "/archive"] {
        let method = if path.is_empty() || path == "/explain" { reqwest::Method::GET } else { reqwest::Method::POST };
        let request = replica.request(&b, method, &format!("/api/notifications/{id}{path}"));
        assert_eq!(request.send().await.unwrap().status(), 404, "{path}");
    }
    let other_user = Account { user: postrider_domain::UserId::parse("u9").unwrap(), ..a.clone() };
    let request = replica.request(&other_user, reqwest::Method::GET, &format!("/api/notifications/{id}"));
    assert_eq!(request.send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_committed_but_not_acknowledged_changes_nothing_the_second_time() {
    let world = World::new().await;
    let cx = Context::for_tests();
    let broker = Broker::start(BrokerConfig { url: world.vhost.amqp_url(), service: "test" }, &cx);
    let metrics = Arc::new(Metrics::new(&cx.registry));
    let announcer = Announcer::new(Hub::default(), broker.live(), ReplicaId(uuid::Uuid::nil()));
    let actions = Actions::new(cx.seams.clone(), announcer, metrics.clone(), TimeDelta::days(30));
    let clock: Arc<dyn postrider_domain::Clock> = Arc::new(SystemClock);
    let source = Arc::new(world.producer.clone());
    let consumers = Consumers::new(&world.db.db, &actions, Vec::new(), &clock, source.clone(), source);
    let account = Account::new("t1", "u1");
    let delivered =
        |redelivered| Delivered { envelope: world.producer.events_of(&account).remove(0), attempt: 1, redelivered };
    world.producer.make(&account, &mail("m1"));
    assert_eq!(consumers.mailbox.handle(&[delivered(false)]).await, [Outcome::Done]);
    // The process dies here; the broker gives the message to the next one.
    assert_eq!(consumers.mailbox.handle(&[delivered(true)]).await, [Outcome::Done]);
    assert_eq!(world.count(&account.tenant, "notifications").await, 1);
    assert_eq!(world.count(&account.tenant, "user_log").await, 1);
    cx.shutdown.stop_hard();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_event_dies_alone() {
    let world = World::new().await;
    let _replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    // Of an account of its own, whose producer knows nothing of it: only the broker brings it.
    let mut broken = crate::producer::Producer::default().make(&Account::new("t1", "u1"), &mail("m1"));
    broken.payload = bytes::Bytes::from_static(&[0xff; 3]);
    let mut nul = mail("m2");
    nul.email.as_mut().unwrap().subject = "a\0b".to_owned();
    let nul = world.producer.make(&account, &nul);
    let after = world.producer.make(&account, &mail("m3"));
    publish(&world.publisher, vec![broken, nul, after]).await;
    postrider_testing::eventually("the dead letter", crate::harness::SOON, || async {
        (world.vhost.depth("notification.mailbox.dead").await.unwrap() == 1).then_some(())
    })
    .await;
    world.notified(&account, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_signed_digest_of_ours_is_kept_quiet() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let key = tokens::internal_keys().derive("notification", "sync-worker", OriginKey::derive).remove(0);
    let own = |message_id| {
        OwnMail { purpose: Purpose::Digest, tenant: &account.tenant, user: &account.user, message_id }.sign(&key)
    };
    let headed = |id: &str, rfc_message_id: &str, origin: &str| {
        let mut mail = mail(id);
        let email = mail.email.as_mut().unwrap();
        (email.rfc_message_id, email.origin) = (rfc_message_id.to_owned(), origin.to_owned());
        // What an older sync-worker said of such a header.
        email.own_digest = true;
        mail
    };
    let strange = OriginKey::derive(b"a stranger's");
    let digest = OwnMail { purpose: Purpose::Digest, tenant: &account.tenant, user: &account.user, message_id: "s@x" };
    world.send(&account, &headed("ours", "d1@postrider", &own("d1@postrider"))).await;
    world.send(&account, &headed("bare", "m1@x", "digest")).await;
    world.send(&account, &headed("copied", "m2@x", &own("d1@postrider"))).await;
    world.send(&account, &headed("forged", "s@x", &digest.sign(&strange))).await;
    world.send(&account, &headed("nameless", "", &own(""))).await;
    world.notified(&account, 4).await;
    let list = replica.get(&account, "/api/notifications").await;
    assert_eq!(titles(&list), ["nameless", "forged", "copied", "bare"].map(|id| format!("Subject {id}")));
    assert_eq!(world.count(&account.tenant, "suppressions").await, 1);
}
