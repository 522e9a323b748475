//! Every form of push seen in the wild, and what is none.

use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn no_headers(_name: &str) -> Option<&'static str> {
    None
}

fn wrapped(data: &str) -> Vec<u8> {
    let message = json!({"data": data, "messageId": "136969346945", "message_id": "136969346945",
        "publishTime": "2026-11-21T03:04:05.678Z", "publish_time": "2026-11-21T03:04:05.678Z", "attributes": {}});
    let body = json!({"message": message, "subscription": "projects/p/subscriptions/s", "deliveryAttempt": 3});
    body.to_string().into_bytes()
}

#[test]
fn reads_the_envelope() {
    let data = BASE64_STANDARD.encode(r#"{"emailAddress":"User@Example.com","historyId":"9876543210"}"#);
    let push = parse(&wrapped(&data), no_headers).unwrap();
    assert_eq!(push.address.as_str(), "user@example.com");
    assert_eq!(push.history_id, HistoryId(9_876_543_210));
    assert_eq!(push.source_message_id, "136969346945");
    assert_eq!(push.publish_time, Some("2026-11-21T03:04:05.678Z".parse().unwrap()));
    assert_eq!((push.subscription.as_deref(), push.delivery_attempt), (Some("projects/p/subscriptions/s"), Some(3)));
}

#[test]
fn reads_every_base64_and_both_forms_of_history_id() {
    // `?` and `~` make `/`, `-` and `_` appear in the alphabets.
    for data in [
        r#"{"emailAddress":"a?b~~@example.com","historyId":"7"}"#,
        r#"{"emailAddress":"a?b~~@example.com","historyId":7}"#,
        r#"{"historyId":7,"emailAddress":"a?b~~@example.com","more":[1]} "#,
    ] {
        let texts = [
            BASE64_STANDARD.encode(data),
            BASE64_STANDARD_NO_PAD.encode(data),
            BASE64_URL_SAFE.encode(data),
            BASE64_URL_SAFE_NO_PAD.encode(data),
        ];
        for text in texts {
            let push = parse(&wrapped(&text), no_headers).unwrap();
            assert_eq!((push.address.as_str(), push.history_id), ("a?b~~@example.com", HistoryId(7)), "{text}");
        }
    }
}

#[test]
fn reads_unwrapped_bodies_with_headers() {
    let headers = |name: &str| match name {
        "x-goog-pubsub-message-id" => Some("42"),
        "x-goog-pubsub-publish-time" => Some("2026-11-21T03:04:05Z"),
        "x-goog-pubsub-subscription-name" => Some("projects/p/subscriptions/s"),
        _ => None,
    };
    let push = parse(br#"{"emailAddress":"a@b.example","historyId":5}"#, headers).unwrap();
    assert_eq!((push.source_message_id.as_str(), push.history_id), ("42", HistoryId(5)));
    assert!(push.publish_time.is_some() && push.subscription.is_some());
}

#[test]
fn repeats_without_an_id_are_still_recognised() {
    let body = br#"{"emailAddress":"a@b.example","historyId":5}"#;
    let (one, two) = (parse(body, no_headers).unwrap(), parse(body, no_headers).unwrap());
    assert_eq!(one.source_message_id, two.source_message_id);
    let other = parse(br#"{"emailAddress":"a@b.example","historyId":6}"#, no_headers).unwrap();
    assert_ne!(one.source_message_id, other.source_message_id);
    let odd = parse(body, |name| (name == "x-goog-pubsub-message-id").then_some("a\u{7f}b")).unwrap();
    assert!(odd.source_message_id.starts_with("body-"));
}

#[test]
fn says_why_a_push_is_unreadable() {
    let encoded = |text: &str| wrapped(&BASE64_STANDARD.encode(text));
    let rows = [
        (b"".to_vec(), Unreadable::Json),
        (b"garbage".to_vec(), Unreadable::Json),
        (b"[]".to_vec(), Unreadable::Json),
        (b"\xff\xfe".to_vec(), Unreadable::Json),
        (br#"{"message": 5}"#.to_vec(), Unreadable::Json),
        (br#"{"message": {}}"#.to_vec(), Unreadable::NoData),
        (wrapped(""), Unreadable::NoData),
        (wrapped("%%%"), Unreadable::Base64),
        (encoded("not json"), Unreadable::Data),
        (encoded(r#"["a@b.c", 1]"#), Unreadable::Data),
        (encoded(r#"{"historyId":1}"#), Unreadable::Address),
        (encoded(r#"{"emailAddress":"nobody","historyId":1}"#), Unreadable::Address),
        (encoded(r#"{"emailAddress":{"a":1},"historyId":1}"#), Unreadable::Address),
        (encoded(r#"{"emailAddress":"a@b.c"}"#), Unreadable::HistoryId),
        (encoded(r#"{"emailAddress":"a@b.c","historyId":-1}"#), Unreadable::HistoryId),
        (encoded(r#"{"emailAddress":"a@b.c","historyId":1.5}"#), Unreadable::HistoryId),
        (encoded(r#"{"emailAddress":"a@b.c","historyId":"18446744073709551616"}"#), Unreadable::HistoryId),
        (b"{}".to_vec(), Unreadable::Address),
    ];
    for (body, expected) in rows {
        assert_eq!(parse(&body, no_headers).unwrap_err(), expected, "{}", String::from_utf8_lossy(&body));
    }
}

proptest! {
    #[test]
    fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..300), data in ".{0,80}") {
        let _ = parse(&body, no_headers);
        let _ = parse(&wrapped(&data), no_headers);
        let _ = parse(&wrapped(&BASE64_STANDARD.encode(&data)), no_headers);
    }
}
