//! Expiry, archive, clean-up and erasure.

use postrider_contracts::connector::ConnectorDisconnected;
use postrider_notification::jobs;
use postrider_storage::Statement;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{SOON, World, settings};
use crate::producer::{Account, connected, mail, state};

impl World {
    async fn alter(&self, text: &str) {
        Statement::dynamic(text.to_owned()).execute(&self.db.admin().await).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_cleans_up_their_own_and_nobody_elses() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (mine, other, foreign) = (Account::new("t1", "u1"), Account::new("t1", "u2"), Account::new("t2", "u1"));
    for account in [&mine, &other, &foreign] {
        world.fill(account, 5).await;
    }
    let mut socket = replica.subscribed(&mine).await;
    socket.rest().await;
    world
        .alter(
            "UPDATE notification.notifications SET \
                 expires_at = CASE WHEN business_key IN ('m0', 'm1') THEN now() ELSE now() + interval '1 day' END, \
                 is_archived = business_key = 'm2', \
                 archived_at = CASE WHEN business_key = 'm2' THEN now() - interval '31 days' END",
        )
        .await;
    world.alter("UPDATE notification.users SET unread = 4").await;
    let request = replica.request(&mine, Method::DELETE, "/api/notifications/cleanup-old");
    assert_eq!(replica.call(request, StatusCode::OK).await, json!({ "data": { "archived": 2, "deleted": 1 } }));
    assert_eq!(socket.expect_many("notification:archived", 2).await.len(), 2);
    assert_eq!(socket.expect("notification:unread_count").await["unreadCount"], 2);
    let stats = replica.get(&mine, "/api/notifications/stats").await["data"].clone();
    assert_eq!((&stats["total"], &stats["unread"], &stats["archived"]), (&json!(4), &json!(2), &json!(2)));
    for account in [&other, &foreign] {
        let stats = replica.get(account, "/api/notifications/stats").await["data"].clone();
        assert_eq!((&stats["total"], &stats["unread"], &stats["archived"]), (&json!(5), &json!(4), &json!(1)));
    }
    let request = replica.request(&mine, Method::DELETE, "/api/notifications/cleanup-old");
    assert_eq!(replica.call(request, StatusCode::OK).await, json!({ "data": { "archived": 0, "deleted": 0 } }));
    let read_only = crate::tokens::internal(&mine, "read");
    let request = replica.request_with(&read_only, Method::DELETE, "/api/notifications/cleanup-old");
    replica.call(request, StatusCode::FORBIDDEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_clean_up_at_once_share_the_work() {
    let world = World::new().await;
    let actions = world.actions();
    for n in 0..4 {
        world.fill(&Account::new("t1", &format!("u{n}")), 700).await;
    }
    world.fill(&Account::new("t2", "u"), 700).await;
    world.alter("UPDATE notification.notifications SET expires_at = now() - interval '1 day'").await;
    let clean_up = || async { jobs::clean_up(&world.db.db, &actions).await.unwrap() };
    let done = tokio::join!(clean_up(), clean_up(), clean_up());
    assert_eq!(done.0.archived + done.1.archived + done.2.archived, 3_500);
    world.alter("UPDATE notification.notifications SET archived_at = now() - interval '31 days'").await;
    let done = tokio::join!(clean_up(), clean_up(), clean_up());
    assert_eq!(done.0.deleted + done.1.deleted + done.2.deleted, 3_500);
    for (tenant, user) in [("t1", "u0"), ("t2", "u")] {
        assert_eq!(world.count(&Account::new(tenant, user).tenant, "notifications").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_erased_account_nothing_is_left_but_its_places() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let kept = Account { id: Account::new("t1", "u1").id, ..account.clone() };
    for of in [&account, &kept] {
        world.send(of, &connected(of, 1)).await;
        for n in 0..3 {
            world.send(of, &mail(&format!("m{n}"))).await;
        }
    }
    world.notified(&account, 6).await;
    let mut end = state(&account, 2, "disconnected");
    end.erase = true;
    world.send(&account, &ConnectorDisconnected { connector: Some(end) }).await;
    let actions = world.actions();
    postrider_testing::eventually("the erasure", SOON, || async {
        jobs::clean_up(&world.db.db, &actions).await.unwrap();
        (world.count(&account.tenant, "notifications").await == 3).then_some(())
    })
    .await;
    let stats = replica.get(&account, "/api/notifications/stats").await["data"].clone();
    assert_eq!((&stats["total"], &stats["unread"]), (&json!(3), &json!(3)));
    let tx = world.db.db.tenant(&account.tenant).await.unwrap();
    let text = format!(
        "SELECT count(*) AS value FROM user_log WHERE account_id = '{}' AND payload::text LIKE '%Subject%'",
        account.id
    );
    let postrider_storage::Value(left): postrider_storage::Value<i64> =
        Statement::dynamic(text).get_result(&tx).await.unwrap();
    assert_eq!(left, 0);
    // The feed keeps its numbers, and nothing else of the account.
    let fed = replica.get(&account, &format!("/api/v1/events?connector_id={}", account.id)).await;
    let fed: Vec<_> = fed["data"].as_array().unwrap().iter().map(|e| (e["seq"].as_i64().unwrap(), e)).collect();
    assert_eq!(fed.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(fed.iter().all(|(_, event)| event["type"] == "erased" && event["data"] == json!({})), "{fed:?}");
    // The others are replayed whole.
    let mut socket = replica.subscribed(&account).await;
    let told = socket.expect_many("notification:new_message", 3).await;
    assert!(told.iter().all(|event| event["subject"].as_str().unwrap().starts_with("Subject m")), "{told:?}");
    socket.rest().await;
}

/// An alert that was told when quiet hours ended is a second entry of the log, with the same content.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_after_quiet_hours_is_erased_too() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    let set = async |settings: serde_json::Value| {
        let request = replica.request(&account, Method::PUT, "/api/notifications/preferences").json(&settings);
        replica.call(request, StatusCode::OK).await;
    };
    set(crate::quiet_hours::now_quiet()).await;
    let mut socket = replica.subscribed(&account).await;
    socket.rest().await;
    world.send(&account, &mail("m1")).await;
    world.notified(&account, 1).await;
    set(json!({ "quietHoursEnabled": false })).await;
    let told = socket.expect("notification:new_message").await;
    assert_eq!((&told["subject"], &told["seq"]), (&json!("Subject m1"), &json!(1)));
    let mut end = state(&account, 2, "disconnected");
    end.erase = true;
    world.send(&account, &ConnectorDisconnected { connector: Some(end) }).await;
    let actions = world.actions();
    postrider_testing::eventually("the erasure", SOON, || async {
        jobs::clean_up(&world.db.db, &actions).await.unwrap();
        (world.count(&account.tenant, "notifications").await == 0).then_some(())
    })
    .await;
    let tx = world.db.db.tenant(&account.tenant).await.unwrap();
    let left = "SELECT count(*) AS value FROM user_log WHERE payload::text LIKE '%Subject%'".to_owned();
    let postrider_storage::Value(left): postrider_storage::Value<i64> =
        Statement::dynamic(left).get_result(&tx).await.unwrap();
    assert_eq!(left, 0);
}
