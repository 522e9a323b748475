//! What becomes of genuine pushes.

use std::sync::Arc;

use futures_util::future::join_all;
use postrider_contracts::TraceContext;
use postrider_contracts::ingest::MailboxChanged;
use serde_json::json;

use crate::harness::{Intake, PATHS, Remembering, SUBSCRIPTION, push, token};

async fn intake() -> (Intake, Arc<Remembering>) {
    let publisher = Arc::new(Remembering::default());
    (Intake::over(publisher.clone()).await, publisher)
}

#[tokio::test]
async fn a_push_becomes_one_event_with_the_senders_trace() {
    let (intake, publisher) = intake().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = intake.client.post(format!("{}{}", intake.origin, PATHS[0])).bearer_auth(token());
    let answer = request.header("traceparent", parent).body(push("m1", 9_876_543_210)).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let events = publisher.events();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    let changed: MailboxChanged = event.decode().unwrap();
    assert_eq!((changed.email_address.as_str(), changed.history_id), ("ann@example.com", 9_876_543_210));
    assert_eq!((changed.source_message_id.as_str(), changed.source.as_str()), ("m1", "pubsub"));
    assert_eq!(changed.published_at_ms, 1_795_230_245_678);
    assert_eq!(event.trace.map(TraceContext::trace_id_hex).unwrap(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((&event.tenant, &event.connector, &event.position), (&None, &None, &None));
}

#[tokio::test]
async fn all_paths_and_both_body_forms_are_taken() {
    let (intake, publisher) = intake().await;
    for (n, path) in PATHS.iter().enumerate() {
        assert_eq!(intake.push_to(path, Some(&token()), push(&format!("w{n}"), 7)).await.status(), 202);
        let request = intake.client.post(format!("{}{path}", intake.origin)).bearer_auth(token());
        let request = request.header("x-goog-pubsub-message-id", format!("u{n}"));
        let request = request.header("x-goog-pubsub-subscription-name", SUBSCRIPTION);
        let body = json!({"emailAddress": "ann@example.com", "historyId": "8"}).to_string();
        assert_eq!(request.body(body).send().await.unwrap().status(), 202);
    }
    assert_eq!(publisher.events().len(), 6);
}

#[tokio::test]
async fn a_repeat_is_acknowledged_and_published_once() {
    let (intake, publisher) = intake().await;
    for _ in 0..3 {
        assert_eq!(intake.push(Some(&token()), push("m1", 7)).await, 202);
    }
    assert_eq!(intake.push(Some(&token()), push("m1", 8)).await, 202);
    assert_eq!(publisher.events().len(), 2);
}

/// A body is not signed: its history id may be anything. It is passed on as the hint it is, stops nothing that comes after
/// it, and what no history id can be is unreadable.
#[tokio::test]
async fn a_history_id_far_beyond_the_mailbox_is_a_hint_like_any_other() {
    let (intake, publisher) = intake().await;
    let largest = u64::MAX;
    assert_eq!(intake.push(Some(&token()), push("m1", largest)).await, 202);
    // The mailbox's own pushes go on, under the same message id too.
    for (id, history) in [("m1", 7), ("m2", 7), ("m3", 6), ("m4", 0)] {
        assert_eq!(intake.push(Some(&token()), push(id, history)).await, 202);
    }
    for beyond in ["18446744073709551616", "1e300", "-1", "1.5"] {
        let body = format!(r#"{{"emailAddress":"ann@example.com","historyId":"{beyond}"}}"#);
        assert_eq!(intake.push(Some(&token()), body).await, 202, "{beyond}");
    }
    let published: Vec<_> = publisher
        .events()
        .iter()
        .map(|event| {
            let changed: MailboxChanged = event.decode().unwrap();
            (changed.source_message_id, changed.history_id)
        })
        .collect();
    let expected = [("m1", largest), ("m1", 7), ("m2", 7), ("m3", 6), ("m4", 0)];
    assert_eq!(published, expected.map(|(id, history)| (id.to_owned(), history)));
}

#[tokio::test]
async fn what_cannot_be_read_is_acknowledged_and_dropped() {
    let (intake, publisher) = intake().await;
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"message":null}"#,
        r#"{"message":{}}"#,
        r#"{"message":{"data":"%%%"}}"#,
        r#"{"message":{"data":"e30="}}"#,
        r#"{"emailAddress":"nobody","historyId":1}"#,
        r#"{"emailAddress":"ann@example.com","historyId":"-1"}"#,
        "\u{0}\u{1}",
    ];
    for body in bodies {
        assert_eq!(intake.push(Some(&token()), body).await, 202, "{body:?}");
    }
    let foreign = push("m1", 7).replace(SUBSCRIPTION, "projects/p/subscriptions/other");
    assert_eq!(intake.push(Some(&token()), foreign).await, 202);
    assert!(publisher.events().is_empty());
}

#[tokio::test]
async fn a_body_over_one_mebibyte_is_too_large_but_only_for_those_with_a_token() {
    let (intake, publisher) = intake().await;
    let large = || "x".repeat(1024 * 1024 + 1);
    assert_eq!(intake.push(Some(&token()), large()).await, 413);
    assert_eq!(intake.push(None, "x").await, 401);
    assert!(publisher.events().is_empty());
}

#[tokio::test]
async fn other_methods_and_paths_are_told_apart() {
    let (intake, _publisher) = intake().await;
    let get = intake.client.get(format!("{}{}", intake.origin, PATHS[0])).send().await.unwrap();
    assert_eq!(get.status(), 405);
    assert_eq!(intake.push_to("/api/email/webhook", Some(&token()), "").await.status(), 404);
}

#[tokio::test]
async fn hundreds_at_once_are_each_published_once() {
    let (intake, publisher) = intake().await;
    let token = token();
    let answers = join_all((0..400).map(|n| intake.push(Some(&token), push(&format!("m{n}"), n)))).await;
    assert!(answers.iter().all(|status| *status == 202));
    let mut ids: Vec<u64> =
        publisher.events().iter().map(|event| event.decode::<MailboxChanged>().unwrap().history_id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..400).collect::<Vec<_>>());
}
