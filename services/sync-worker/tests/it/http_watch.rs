//! `/api/v1/gmail/watch/{history, poll, queue, queue/process}`.

use postrider_gmail_sim::Deliver;
use postrider_testing::eventually;
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, BEN, SOON, World, members};

const HISTORY: &str = "/api/v1/gmail/watch/history";
const QUEUE: &str = "/api/v1/gmail/watch/queue";

#[tokio::test(flavor = "multi_thread")]
async fn history_is_told_record_by_record_from_our_own_and_from_gmails() {
    let world = World::new(&[(ANN, 1)]).await;
    let gmail = world.sim.world();
    // What was before the account was connected only Gmail can tell.
    let early = gmail.profile(ANN).unwrap().history_id;
    let first = gmail.deliver(ANN, Deliver::default()).unwrap();
    let ann = world.connect("acme", "ann", ANN).await;
    let before = world.get(&ann, HISTORY).await.body;
    assert_eq!(members(&before), ["history", "history_id", "next_page_token"]);
    let start = before["history_id"].as_str().unwrap().to_owned();
    let id = gmail.deliver(ANN, Deliver::default()).unwrap();
    gmail.relabel(ANN, &[id], &["STARRED"], &["UNREAD"]).unwrap();
    let other = gmail.deliver(ANN, Deliver::default()).unwrap();
    gmail.delete(ANN, other).unwrap();
    world.sync(&ann).await;

    let page = world.get(&ann, &format!("{HISTORY}?start_history_id={start}")).await.body;
    let records = page["history"].as_array().unwrap().clone();
    assert!(records.len() >= 4, "{page}");
    assert_eq!(members(&records[0]), ["id", "labels_added", "labels_removed", "messages_added", "messages_deleted"]);
    let all = |name: &str| -> Vec<Value> {
        records.iter().flat_map(|record| record[name].as_array().unwrap().clone()).collect()
    };
    let ids = |name: &str| -> Vec<String> {
        all(name).iter().map(|entry| entry["message_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("messages_added"), [id.to_string(), other.to_string()]);
    assert_eq!(ids("messages_deleted"), [other.to_string()]);
    let starred = all("labels_added").into_iter().find(|entry| entry["message_id"] == id.to_string()).unwrap();
    assert_eq!(
        (members(&starred), &starred["label_ids"]),
        (vec!["label_ids", "message_id", "thread_id"], &json!(["STARRED"]))
    );
    assert_eq!(all("labels_removed")[0]["label_ids"], json!(["UNREAD"]));
    let numbers: Vec<u64> = records.iter().map(|record| record["id"].as_str().unwrap().parse().unwrap()).collect();
    assert!(numbers.is_sorted() && numbers[0] > start.parse().unwrap());
    assert_eq!(page["history_id"], numbers.last().unwrap().to_string());

    // Page by page the same.
    let (mut paged, mut token) = (Vec::new(), None::<String>);
    loop {
        let more = token.map_or_else(String::new, |token| format!("&page_token={token}"));
        let page = world.get(&ann, &format!("{HISTORY}?start_history_id={start}&max_results=1{more}")).await.body;
        paged.extend(page["history"].as_array().unwrap().clone());
        token = page["next_page_token"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(paged, records);

    // What lies before our record Gmail is asked for; what Gmail forgot is gone.
    let early = format!("{HISTORY}?start_history_id={early}&max_results=500");
    let older = world.get(&ann, &early).await;
    assert_eq!(older.status, 200, "{}", older.text());
    let older = older.body["history"].as_array().unwrap().clone();
    assert!(older.len() > records.len(), "{older:?}");
    assert_eq!(older[0]["messages_added"][0]["message_id"], first.to_string());
    gmail.expire_history(ANN, 0).unwrap();
    let gone = world.get(&ann, &early).await;
    gone.is_problem(404, "forgotten");
    assert_eq!(gone.code(), "history_expired");
    let kept = world.get(&ann, &format!("{HISTORY}?start_history_id={start}")).await.body;
    assert_eq!(kept["history"], json!(records));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_tells_what_came() {
    let (world, ann) = World::with_account(1).await;
    let poll = || world.post(&ann, "/api/v1/gmail/watch/poll", None);
    let nothing = poll().await;
    assert_eq!((nothing.status, &nothing.body["messages"]), (200, &json!([])), "{}", nothing.text());
    let id = world.sim.world().deliver(ANN, Deliver::default()).unwrap();
    let answer = poll().await;
    assert_eq!((answer.status, members(&answer.body)), (200, vec!["history_id", "messages"]));
    let email = world.email_id(&ann, id).await;
    let thread = &world.sim.world().truth(ANN).unwrap()[&id.to_string()].thread_id;
    assert_eq!(
        answer.body["messages"],
        json!([{"message_id": id.to_string(), "thread_id": thread, "email_id": email}])
    );
    assert!(answer.body["history_id"].as_str().unwrap() > nothing.body["history_id"].as_str().unwrap());
}

async fn queue(world: &World, who: &Account, query: &str) -> Vec<Value> {
    let answer = world.get(who, &format!("{QUEUE}?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body["data"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_listed_and_processed() {
    let (world, ann) = World::with_account(1).await;
    let gmail = world.sim.world();
    // Pushes only wait while the monitor is stopped.
    world.post(&ann, "/api/system/email-monitor/stop", None).await;
    for _ in 0..3 {
        gmail.deliver(ANN, Deliver::default()).unwrap();
        world.push(ANN, gmail.profile(ANN).unwrap().history_id, None).await;
    }
    eventually("three pushes wait", SOON, || async {
        (queue(&world, &ann, "status=pending").await.len() == 3).then_some(())
    })
    .await;
    let row = &queue(&world, &ann, "limit=1").await[0];
    assert_eq!(
        members(row),
        [
            "connector_id",
            "created_at",
            "error_message",
            "history_id",
            "id",
            "max_retries",
            "message_id",
            "notification_data",
            "notification_type",
            "outcome",
            "processed_at",
            "retry_count",
            "status",
            "thread_id",
            "updated_at",
            "watch_id"
        ]
    );
    assert_eq!(
        (&row["notification_type"], &row["retry_count"], &row["max_retries"], &row["notification_data"]["source"]),
        (&json!("history"), &json!(0), &json!(5), &json!("pubsub"))
    );
    let first = world.get(&ann, &format!("{QUEUE}?limit=2")).await.body;
    let rest = queue(&world, &ann, &format!("limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!(rest.len(), 1);
    // One has failed before: only on request it waits again.
    world
        .execute(&format!(
            "UPDATE mailbox.notification_queue SET status = 'failed', retry_count = 5, error_message = 'transient', \
               history_id = history_id + 1000000 WHERE id = '{}'",
            rest[0]["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!(queue(&world, &ann, "status=failed").await.len(), 1);
    let process = async |body: Value| world.post(&ann, &format!("{QUEUE}/process"), Some(body)).await;
    let one = process(json!({"batch_size": 1})).await;
    assert_eq!(
        (one.status, &one.body["processed"], &one.body["failed"]),
        (200, &json!(1), &json!(0)),
        "{}",
        one.text()
    );
    // A look ends all that it reaches, whatever the batch.
    let none = process(json!({})).await.body;
    assert_eq!(none, json!({"processed": 0, "failed": 0, "remaining": 0}));
    assert!(queue(&world, &ann, "status=completed").await.iter().all(|row| row["outcome"] == "applied"));
    let again = process(json!({"retry_failed": true})).await.body;
    assert_eq!(again, json!({"processed": 0, "failed": 0, "remaining": 1}), "its id is beyond what Gmail shows");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_and_bad_input_get_nothing() {
    let world = World::new(&[(ANN, 1), (BEN, 1)]).await;
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    world.push(ANN, 1, None).await;
    eventually("a push", SOON, || async { (!queue(&world, &ann, "").await.is_empty()).then_some(()) }).await;
    assert!(queue(&world, &ben, "").await.is_empty());
    for who in [&ben, &Account::stranger("globex", "ann"), &Account::stranger("acme", "nobody")] {
        for path in [HISTORY, QUEUE] {
            world.get(who, &format!("{path}?connector_id={}", ann.id)).await.is_problem(404, path);
        }
        world
            .post(who, &format!("/api/v1/gmail/watch/poll?connector_id={}", ann.id), None)
            .await
            .is_problem(404, "poll");
    }
    let nobody = world.post(&Account::stranger("acme", "nobody"), &format!("{QUEUE}/process"), Some(json!({}))).await;
    assert_eq!(nobody.body, json!({"processed": 0, "failed": 0, "remaining": 0}));
    for (path, query) in [
        (HISTORY, "start_history_id=x"),
        (HISTORY, "start_history_id=-1"),
        (HISTORY, "start_history_id=99999999999999999999"),
        (HISTORY, "max_results=0"),
        (HISTORY, "max_results=501"),
        (HISTORY, "page_token=x"),
        (HISTORY, "more=1"),
        (QUEUE, "status=odd"),
        (QUEUE, "limit=0"),
        (QUEUE, "cursor=x"),
        (QUEUE, "connector_id=7"),
    ] {
        world.get(&ann, &format!("{path}?{query}")).await.is_problem(422, query);
    }
    for body in [
        json!({"batch_size": 0}),
        json!({"batch_size": 1_001}),
        json!({"retry_failed": 1}),
        json!({"more": 1}),
        json!([]),
    ] {
        world.post(&ann, &format!("{QUEUE}/process"), Some(body.clone())).await.is_problem(422, &body.to_string());
    }
    let huge = format!("{HISTORY}?start_history_id=18446744073709551615");
    assert_eq!(world.get(&ann, &huge).await.body["history"], json!([]));
    world.tell(&ann, "paused", Default::default()).await;
    let answer = world.post(&ann, "/api/v1/gmail/watch/poll", None).await;
    answer.is_problem(409, "paused");
    assert_eq!(world.post(&ann, &format!("{QUEUE}/process"), Some(json!({}))).await.status, 200);
}
