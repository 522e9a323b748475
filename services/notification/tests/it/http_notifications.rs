//! The REST routes, as the gateway calls them.

use postrider_contracts::Envelope;
use postrider_contracts::notification::NotificationUpdated;
use postrider_contracts::topology::OUTSIDE_NOTIFICATION;
use postrider_domain::{Clock, EventId, IdGen, SystemClock, SystemIds};
use postrider_web::extract::WRITE_ID_HEADER;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{World, settings};
use crate::producer::{Account, connected, mail};
use crate::tokens;

#[tokio::test(flavor = "multi_thread")]
async fn lists_page_filter_and_count() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let second = Account { id: Account::new("t1", "u1").id, ..account.clone() };
    for n in 0..5 {
        world.send(&account, &mail(&format!("m{n}"))).await;
    }
    world.send(&second, &mail("other")).await;
    world.notified(&account, 6).await;
    let page = replica.get(&account, "/api/notifications?page=2&limit=4").await;
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    assert_eq!(page["pagination"], json!({ "page": 2, "limit": 4, "total": 6, "pages": 2, "hasMore": false }));
    let one = replica.get(&account, &format!("/api/notifications?connector_id={}", second.id)).await;
    assert_eq!(one["pagination"]["total"], 1);
    assert_eq!(one["data"][0]["accountId"], second.id.to_string());
    let id = one["data"][0]["id"].as_str().unwrap().to_owned();
    let read = replica.post(&account, &format!("/api/notifications/{id}/read")).await;
    assert!(read["data"]["isRead"] == true && read["data"]["readAt"].is_i64());
    assert_eq!(replica.post(&account, &format!("/api/notifications/{id}/read")).await, read);
    let archived = replica.post(&account, &format!("/api/notifications/{id}/archive")).await;
    assert!(archived["data"]["isArchived"] == true && archived["data"]["archivedAt"].is_i64());
    let unread = replica.get(&account, "/api/notifications?unread_only=true").await;
    assert_eq!((&unread["pagination"]["total"], &unread["unreadCount"]), (&json!(5), &json!(5)));
    let archive = replica.get(&account, "/api/notifications?archived=true").await;
    assert_eq!(archive["data"][0]["id"], id);
    let stats = replica.get(&account, "/api/notifications/stats").await;
    assert_eq!(stats, json!({ "data": { "total": 6, "unread": 5, "archived": 1, "byType": { "new_message": 6 } } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_shows_every_member_of_the_api() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    world.send(&account, &mail("m1")).await;
    world.notified(&account, 1).await;
    let list = replica.get(&account, "/api/notifications").await;
    let shown = &list["data"][0];
    let mut names: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = [
        "accountId",
        "archivedAt",
        "createdAt",
        "data",
        "deliveryStatus",
        "emailId",
        "expiresAt",
        "id",
        "isArchived",
        "isRead",
        "message",
        "messageId",
        "nseq",
        "readAt",
        "senderEmail",
        "senderName",
        "title",
        "type",
        "userId",
    ];
    assert_eq!(names, expected);
    assert_eq!(shown["title"], "New message from John Doe");
    let lives = shown["expiresAt"].as_i64().unwrap() - shown["createdAt"].as_i64().unwrap();
    assert_eq!(lives, 30 * 24 * 3_600 * 1_000);
    let expected = json!({ "in_app": "delivered", "push": "skipped", "email": "skipped", "webhook": "skipped" });
    assert_eq!(shown["deliveryStatus"], expected);
    let preferences = replica.get(&account, "/api/notifications/preferences").await["data"].clone();
    assert_eq!(preferences["notifyNewMessage"], true);
    assert_eq!(preferences["notifySyncComplete"], false);
    assert_eq!(preferences["digestTimezone"], "UTC");
    assert_eq!(preferences["channels"], json!(["in_app"]));
    assert_eq!(preferences["quietHoursEnabled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_can_make_a_notification_for_an_own_account() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (account, foreign) = (Account::new("t1", "u1"), Account::new("t1", "u2"));
    for of in [&account, &foreign] {
        world.send(of, &connected(of, 1)).await;
        world.send(of, &mail("m")).await;
    }
    world.notified(&account, 2).await;
    let body = json!({ "title": "Hi", "message": "there", "senderEmail": "a@b.c", "accountId": account.id,
                       "data": { "k": [1, "x"] } });
    let request = replica.request(&account, Method::POST, "/api/notifications").json(&body);
    let made = replica.call(request, StatusCode::CREATED).await;
    assert_eq!(made["data"]["type"], "custom");
    assert_eq!(made["data"]["data"], json!({ "k": [1, "x"] }));
    let id = made["data"]["id"].as_str().unwrap();
    assert_eq!(replica.get(&account, &format!("/api/notifications/{id}")).await, made);
    for account_id in [foreign.id.to_string(), uuid::Uuid::nil().to_string()] {
        let body = json!({ "title": "Hi", "message": "there", "accountId": account_id });
        let request = replica.request(&account, Method::POST, "/api/notifications").json(&body);
        assert_eq!(replica.call(request, StatusCode::NOT_FOUND).await["code"], "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_could_not_be_read_back_are_refused() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    for (number, status) in [(1e300, StatusCode::CREATED), (-f64::MAX, StatusCode::UNPROCESSABLE_ENTITY)] {
        let body = json!({ "title": "Hi", "message": "there", "data": { "k": [{ "n": number }] } });
        let request = replica.request(&account, Method::POST, "/api/notifications").json(&body);
        let answer = replica.call(request, status).await;
        assert!(status == StatusCode::CREATED || answer["errors"][0]["field"] == "data", "{answer}");
    }
}

/// As when the gateway died between effect and answer: the repeat has the write's id.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_write_makes_one_notification() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let ask = |id: &str| {
        let body = json!({ "title": "Hi", "message": "there" });
        replica.request(&account, Method::POST, "/api/notifications").header(WRITE_ID_HEADER, id).json(&body)
    };
    let (one, other) = (SystemIds.uuid().to_string(), SystemIds.uuid().to_string());
    let made = replica.call(ask(&one), StatusCode::CREATED).await;
    assert_eq!(replica.call(ask(&one), StatusCode::CREATED).await, made);
    let another = replica.call(ask(&other), StatusCode::CREATED).await;
    assert_ne!(another["data"]["id"], made["data"]["id"]);
    assert_eq!(replica.get(&account, "/api/notifications").await["pagination"]["total"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_named_by_parameter_or_header_and_must_be_the_callers() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let (account, foreign) = (Account::new("t1", "u1"), Account::new("t1", "u2"));
    let second = Account { id: Account::new("t1", "u1").id, ..account.clone() };
    for of in [&account, &second, &foreign] {
        world.send(of, &connected(of, 1)).await;
        world.send(of, &mail("m")).await;
    }
    world.notified(&account, 3).await;
    let strange = uuid::Uuid::nil().to_string();
    let get = |path: &str| replica.request(&account, Method::GET, path);
    for path in ["/api/notifications", "/api/notifications/stats", "/api/notifications/preferences"] {
        for id in [&foreign.id.to_string(), &strange] {
            replica.call(get(&format!("{path}?connector_id={id}")), StatusCode::NOT_FOUND).await;
            replica.call(get(path).header("X-Account-ID", id), StatusCode::NOT_FOUND).await;
        }
        let both = get(&format!("{path}?connector_id={}", account.id)).header("X-Account-ID", second.id.to_string());
        let refused = replica.call(both, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["errors"][0]["field"], "connector_id");
        let header = get(path).header("X-Account-ID", second.id.to_string());
        let shown = replica.call(header, StatusCode::OK).await;
        assert_eq!(shown, replica.get(&account, &format!("{path}?connector_id={}", second.id)).await);
        let of_one = match path {
            "/api/notifications" => shown["pagination"]["total"] == 1,
            "/api/notifications/stats" => shown["data"]["total"] == 1,
            _ => shown["data"]["accountId"] == second.id.to_string(),
        };
        assert!(of_one, "{path}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_pull_what_was_published() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &mail("m1")).await;
    world.notified(&account, 1).await;
    let id = replica.get(&account, "/api/notifications").await["data"][0]["id"].as_str().unwrap().to_owned();
    replica.post(&account, &format!("/api/notifications/{id}/read")).await;
    let path = format!("/internal/events?stream=notification/{}&after=0", account.id);
    let events = replica.get(&account, &path).await;
    let kinds: Vec<_> = events["data"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["notification.created.v1", "notification.updated.v1"]);
    postrider_testing::eventually("both events in the broker", crate::harness::SOON, || async {
        (world.vhost.depth("outside.notification").await.unwrap() == 2).then_some(())
    })
    .await;
    let document = replica.get(&account, "/openapi.json").await;
    assert!(document["paths"]["/api/notifications/{id}/explain"]["get"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_the_scope_may_not() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let read_only = tokens::internal(&account, "read");
    let request = replica.request_with(&read_only, Method::POST, "/api/notifications/bulk-read");
    let refused = replica.call(request.json(&json!({ "notificationIds": [] })), StatusCode::FORBIDDEN).await;
    assert_eq!(refused["code"], "insufficient_scope");
    let write_only = tokens::internal(&account, "write");
    let request = replica.request_with(&write_only, Method::GET, "/api/notifications");
    replica.call(request, StatusCode::FORBIDDEN).await;
}

/// Nobody inside consumes what notification publishes: its queue for others is bounded and never refuses.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_consumes_stays_bounded_and_is_never_refused() {
    let world = World::new().await;
    let account = Account::new("t1", "u1");
    let event = NotificationUpdated { notification_id: "n1".to_owned(), nseq: 1, is_read: true, is_archived: false };
    let most = OUTSIDE_NOTIFICATION.max_length;
    let mut left = most + 500;
    while left > 0 {
        let now = left.min(1_000);
        left -= now;
        let events = (0..now).map(|_| {
            Envelope::of(EventId(SystemIds.uuid()), SystemClock.now(), &event).owned_by(
                account.tenant.clone(),
                account.user.clone(),
                Some(account.id),
            )
        });
        for confirmed in world.publisher.publish(events.collect()).await {
            confirmed.unwrap();
        }
    }
    postrider_testing::eventually("the newest ones alone", crate::harness::SOON, || async {
        (world.vhost.depth(OUTSIDE_NOTIFICATION.name).await.unwrap() == most).then_some(())
    })
    .await;
}
