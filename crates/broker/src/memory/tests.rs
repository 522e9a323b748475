use postrider_contracts::Envelope;
use postrider_domain::{Clock, EventId, MockClock};
use uuid::Uuid;

use super::*;

pub(crate) fn delivered(attempt: u32) -> Delivered {
    let envelope = Envelope {
        id: EventId(Uuid::from_u128(attempt.into())),
        event_type: "connector.updated.v1".into(),
        source: "connector".into(),
        time: MockClock::default().now(),
        trace: None,
        tenant: None,
        user: None,
        connector: None,
        position: None,
        payload: bytes::Bytes::new(),
    };
    Delivered { envelope, attempt, redelivered: false }
}

#[tokio::test]
async fn a_state_other_than_ready_fails_every_event() {
    let broker = MemoryBroker::start(&Context::for_tests());
    broker.set_state(BrokerState::Blocked);
    let batch = vec![delivered(1).envelope, delivered(2).envelope];
    assert_eq!(broker.publish(batch).await, vec![Err(PublishError::Blocked); 2]);
    assert_eq!(broker.depth(&postrider_contracts::topology::SYNC_WORKER_CONNECTOR), 0);
}
