//! Reads and counts under many hands, and rows that are there when their event is.

use futures_util::future::join_all;
use postrider_storage::{Statement, Value};
use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::harness::{Replica, World, settings};
use crate::producer::{Account, mail};

const PATH: &str = "/api/notifications";

/// The same request ten times at once, by both replicas. All must be answered.
async fn ten(replicas: [&Replica; 2], account: &Account, path: &str, body: Option<&Json>) -> Vec<Json> {
    join_all((0..10).map(|n| {
        let replica = replicas[n % 2];
        let request = replica.request(account, Method::POST, &format!("{PATH}{path}"));
        let request = if let Some(body) = body { request.json(body) } else { request };
        async move { replica.call(request, StatusCode::OK).await["data"].clone() }
    }))
    .await
}

/// What REST says is unread, which must be what the rows say.
async fn unread(world: &World, replica: &Replica, account: &Account) -> i64 {
    let said = replica.get(account, PATH).await["unreadCount"].as_i64().unwrap();
    let rows = "SELECT count(*) AS value FROM notification.notifications WHERE NOT is_read AND NOT is_archived";
    let Value(rows) =
        Statement::dynamic(rows.to_owned()).get_result::<Value<i64>>(&world.db.admin().await).await.unwrap();
    assert_eq!(said, rows);
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_equal_the_rows_whatever_happens_at_once() {
    let world = World::new().await;
    let (one, two) = (world.replica(settings()).await, world.replica(settings()).await);
    let replicas = [&one, &two];
    let account = Account::new("t1", "u1");
    world.fill(&account, 10).await;
    let list = one.get(&account, PATH).await;
    let id: Vec<&str> = list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    let mut socket = two.subscribed(&account).await;
    socket.expect_many("notification:new_message", 10).await;
    assert_eq!(socket.expect("notification:unread_count").await["unreadCount"], 10);

    let reads = ten(replicas, &account, &format!("/{}/read", id[0]), None).await;
    assert!(reads[0]["readAt"].is_i64() && reads.iter().all(|read| *read == reads[0]), "{reads:?}");
    assert_eq!(unread(&world, &one, &account).await, 9);

    let body = json!({ "notificationIds": [id[0], id[1], id[1], id[2], Uuid::nil()] });
    let flips = ten(replicas, &account, "/bulk-read", Some(&body)).await;
    assert!(flips.iter().all(|flip| flip["total"] == 4), "{flips:?}");
    assert_eq!(flips.iter().map(|flip| flip["updated"].as_i64().unwrap()).sum::<i64>(), 2);
    assert_eq!(unread(&world, &two, &account).await, 7);

    // Archived while others read it: counted once, whichever came first.
    let (archive, read) = (format!("/{}/archive", id[3]), format!("/{}/read", id[3]));
    tokio::join!(ten(replicas, &account, &archive, None), ten(replicas, &account, &read, None));
    assert_eq!(unread(&world, &one, &account).await, 6);
    let archived = one.get(&account, &format!("{PATH}/{}", id[3])).await["data"].clone();
    let again = ten(replicas, &account, &archive, None).await;
    assert!(again.iter().all(|state| state["archivedAt"] == archived["archivedAt"]), "{again:?}");
    ten(replicas, &account, &format!("/{}/unread", id[3]), None).await;
    assert_eq!(unread(&world, &two, &account).await, 6, "an archived one is not counted, read or not");

    // The first reading stays; only after it was made unread does another one begin.
    let first = &reads[0];
    assert_eq!(one.post(&account, &format!("{PATH}/{}/read", id[0])).await["data"], *first);
    ten(replicas, &account, &format!("/{}/unread", id[0]), None).await;
    assert_eq!(unread(&world, &one, &account).await, 7);

    let all = json!({ "notificationIds": id });
    ten(replicas, &account, "/bulk-read", Some(&all)).await;
    ten(replicas, &account, "/bulk-read", Some(&all)).await;
    assert_eq!(unread(&world, &two, &account).await, 0);
    let told = socket.rest().await;
    let counts: Vec<i64> = told
        .iter()
        .filter(|(name, _)| name == "notification:unread_count")
        .map(|(_, event)| event["unreadCount"].as_i64().unwrap())
        .collect();
    assert!(counts.iter().all(|count| *count >= 0), "{counts:?}");
    assert_eq!(counts.last(), Some(&0));
    // Each flip was told once, and nothing else was: ten rows, two of which were made unread and read again.
    assert_eq!(told.iter().filter(|(name, _)| name == "notification:marked_read").count(), 12);
}

/// Commits take long here, and a replica goes in between.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_event_names_is_there_at_the_first_look() {
    let world = World::new().await;
    let (one, two) = (world.replica(settings()).await, world.replica(settings()).await);
    let account = Account::new("t1", "u1");
    let slow = "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$";
    let at_commit = "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON notification.notifications \
                     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.slow()";
    for statement in [slow, at_commit] {
        Statement::dynamic(statement.to_owned()).execute(&world.db.admin().await).await.unwrap();
    }
    let mut socket = one.subscribed(&account).await;
    let mut last = Json::Null;
    for n in 0..10 {
        let id = format!("m{n}");
        world.send(&account, &mail(&id)).await;
        let event = socket.expect("notification:new_message").await;
        // At once, and where the event did not come from.
        let row = two.get(&account, &format!("{PATH}/{}", event["notificationId"].as_str().unwrap())).await;
        assert_eq!((&row["data"]["messageId"], &row["data"]["emailId"]), (&json!(id), &event["emailId"]));
        last = event["eventId"].clone();
    }
    drop(socket);
    one.stop().await;
    for n in 10..15 {
        world.send(&account, &mail(&format!("m{n}"))).await;
    }
    let auth = json!({ "token": crate::tokens::client(&account), "lastEventId": last });
    let mut socket = crate::client::Socket::connect(&two.socket_url, &auth).await;
    socket.expect("authenticated").await;
    socket.subscribe("user:u1:notifications").await;
    for _ in 10..15 {
        let event = socket.expect("notification:new_message").await;
        two.get(&account, &format!("{PATH}/{}", event["notificationId"].as_str().unwrap())).await;
    }
}
