use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use postrider_contracts::ingest::MailboxChanged;
use postrider_domain::{EventId, MockClock};

use super::*;

/// A broker that confirms when it is let, and counts what was published.
struct Fake {
    published: AtomicUsize,
    permits: Semaphore,
    blocked: AtomicBool,
    verdict: fn(&Envelope) -> Result<(), PublishError>,
}

impl Fake {
    fn new(permits: usize, verdict: fn(&Envelope) -> Result<(), PublishError>) -> Arc<Self> {
        let (published, permits) = (AtomicUsize::new(0), Semaphore::new(permits));
        Arc::new(Self { published, permits, blocked: AtomicBool::new(false), verdict })
    }

    fn published(&self) -> usize {
        self.published.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Publisher for Fake {
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        self.published.fetch_add(batch.len(), Ordering::SeqCst);
        self.permits.acquire().await.unwrap().forget();
        batch.iter().map(self.verdict).collect()
    }

    fn state(&self) -> BrokerState {
        if self.blocked.load(Ordering::SeqCst) { BrokerState::Blocked } else { BrokerState::Ready }
    }
}

fn event(n: u64) -> Envelope {
    let changed = MailboxChanged { history_id: n, ..MailboxChanged::default() };
    let now = postrider_domain::Clock::now(&MockClock::default());
    Envelope::of(EventId(uuid::Uuid::from_u128(u128::from(n))), now, &changed)
}

#[tokio::test]
async fn each_waits_for_its_own_verdict() {
    let fake = Fake::new(1_000, |event| {
        let changed: MailboxChanged = event.decode().unwrap();
        if changed.history_id.is_multiple_of(2) { Ok(()) } else { Err(PublishError::Nacked) }
    });
    let confirmer = Confirmer::new(fake);
    let results = join_all((1..=100).map(|n| confirmer.confirm(event(n)))).await;
    for (n, result) in (1..=100_u64).zip(results) {
        let expected = if n % 2 == 0 { Ok(()) } else { Err(NotConfirmed::Refused) };
        assert_eq!(result, expected, "{n}");
    }
}

#[tokio::test]
async fn nothing_is_confirmed_before_the_broker_says_so() {
    let fake = Fake::new(0, |_| Ok(()));
    let confirmer = Confirmer::new(fake.clone());
    let mut crowd = std::pin::pin!(join_all((1..=200).map(|n| confirmer.confirm(event(n)))));
    let early = tokio::time::timeout(Duration::from_millis(20), &mut crowd).await;
    assert!(early.is_err() && fake.published() == 200);
    fake.permits.add_permits(200);
    assert!(crowd.await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_blocked_broker_refuses_at_once_and_nothing_is_published() {
    let fake = Fake::new(1_000, |_| Ok(()));
    let confirmer = Confirmer::new(fake.clone());
    fake.blocked.store(true, Ordering::SeqCst);
    assert_eq!(confirmer.confirm(event(1)).await, Err(NotConfirmed::Blocked));
    assert_eq!(fake.published(), 0);
    fake.blocked.store(false, Ordering::SeqCst);
    assert_eq!(confirmer.confirm(event(1)).await, Ok(()));
}

#[tokio::test]
async fn a_silent_broker_is_late_after_the_deadline() {
    let confirmer = Confirmer { deadline: Duration::from_millis(20), ..Confirmer::new(Fake::new(0, |_| Ok(()))) };
    assert_eq!(confirmer.confirm(event(1)).await, Err(NotConfirmed::Late));
    assert!(DEADLINE < Duration::from_secs(9));
}

#[tokio::test]
async fn a_crowd_beyond_the_bound_is_refused_at_once_and_its_places_come_back() {
    let fake = Fake::new(0, |_| Ok(()));
    let confirmer = Confirmer { deadline: Duration::from_millis(200), ..Confirmer::new(fake.clone()) };
    let results = join_all((0..5_000).map(|n| confirmer.confirm(event(n)))).await;
    let crowded = results.iter().filter(|result| **result == Err(NotConfirmed::Crowded)).count();
    assert_eq!((crowded, fake.published()), (5_000 - CROWD, CROWD));
    fake.permits.add_permits(1);
    assert_eq!(confirmer.confirm(event(1)).await, Ok(()));
}
