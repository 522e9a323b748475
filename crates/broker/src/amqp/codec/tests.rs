use postrider_contracts::TraceContext;
use postrider_domain::{Clock, ConnectorId, EventId, MockClock, OsEntropy, TenantId, UserId};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn full(payload: Vec<u8>, seq: i64) -> Envelope {
    Envelope {
        id: EventId(Uuid::from_u128(7)),
        event_type: "email.received.v1".into(),
        source: "sync-worker".into(),
        time: MockClock::default().now(),
        trace: Some(TraceContext::start(&OsEntropy)),
        tenant: Some(TenantId::parse("acme").unwrap()),
        user: Some(UserId::parse("ümläut").unwrap()),
        connector: Some(ConnectorId(Uuid::from_u128(9))),
        position: Some(Position { stream: "mailbox/9".into(), seq }),
        payload: payload.into(),
    }
}

proptest! {
    #[test]
    fn reads_what_it_writes(payload in proptest::collection::vec(any::<u8>(), 0..64), seq in any::<i64>()) {
        let envelope = full(payload.clone(), seq);
        prop_assert_eq!(decode(&encode(&envelope), payload).unwrap(), envelope);
    }
}

#[test]
fn what_is_unknown_stays_absent() {
    let bare = Envelope { trace: None, tenant: None, user: None, connector: None, position: None, ..full(vec![], 0) };
    let properties = encode(&bare);
    assert!(!properties.headers().as_ref().unwrap().contains_key("cloudEvents:tenant"));
    assert_eq!(decode(&properties, vec![]).unwrap(), bare);
}

#[test]
fn a_message_without_an_id_or_with_a_broken_one_is_undecodable() {
    assert_eq!(decode(&BasicProperties::default(), vec![]), Err(Undecodable("cloudEvents:id")));
    let broken = copy(&encode(&full(vec![], 1)), vec![("cloudEvents:id", AMQPValue::LongString("seven".into()))]);
    assert_eq!(decode(&broken, vec![]), Err(Undecodable("cloudEvents:id")));
    let trace = copy(&encode(&full(vec![], 1)), vec![("cloudEvents:traceparent", AMQPValue::Boolean(true))]);
    assert_eq!(decode(&trace, vec![]).unwrap().trace, None);
}

#[test]
fn a_copy_counts_attempts_and_leaves_the_brokers_headers_behind() {
    let original = copy(
        &encode(&full(vec![], 1)),
        vec![
            ("x-death", AMQPValue::Void),
            ("x-first-death-queue", AMQPValue::Void),
            (ATTEMPT, AMQPValue::LongLongInt(3)),
        ],
    );
    assert_eq!(attempt(&original), 3);
    let copied = copy(&original, vec![(ATTEMPT, AMQPValue::LongLongInt(4))]);
    assert_eq!(attempt(&copied), 4);
    let headers = copied.headers().clone().unwrap();
    assert!(!headers.contains_key("x-death") && !headers.contains_key("x-first-death-queue"));
    assert_eq!(decode(&copied, vec![]).unwrap(), decode(&original, vec![]).unwrap());
    assert_eq!(attempt(&encode(&full(vec![], 1))), 1);
}
