use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use postrider_contracts::ingest::MailboxChanged;
use postrider_domain::{EventId, MockClock};
use tokio::sync::Semaphore;

use super::*;

/// A broker that confirms when it is let, and remembers the batches.
struct Fake {
    batches: Mutex<Vec<usize>>,
    permits: Semaphore,
    blocked: AtomicBool,
    verdict: fn(&Envelope) -> Result<(), PublishError>,
}

impl Fake {
    fn new(permits: usize, verdict: fn(&Envelope) -> Result<(), PublishError>) -> Arc<Self> {
        let (batches, permits) = (Mutex::default(), Semaphore::new(permits));
        Arc::new(Self { batches, permits, blocked: AtomicBool::new(false), verdict })
    }

    fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().clone()
    }
}

#[async_trait]
impl Publisher for Fake {
    async fn publish(&self, batch: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        self.batches.lock().unwrap().push(batch.len());
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

fn running(fake: &Arc<Fake>) -> (Confirmer, CancellationToken, tokio::task::JoinHandle<()>) {
    let (confirmer, collector) = channel(fake.clone());
    let stop = CancellationToken::new();
    #[expect(clippy::disallowed_methods, reason = "the test awaits or aborts it")]
    let task = tokio::spawn(collector.run(stop.clone()));
    (confirmer, stop, task)
}

#[tokio::test]
async fn a_lone_push_goes_alone_and_a_crowd_shares_batches() {
    let fake = Fake::new(0, |_| Ok(()));
    let (confirmer, _stop, _task) = running(&fake);
    let first = confirmer.confirm(event(1));
    let crowd = join_all((2..=201).map(|n| confirmer.confirm(event(n))));
    let release = async {
        while fake.batches().iter().sum::<usize>() < 201 {
            tokio::task::yield_now().await;
        }
        fake.permits.add_permits(1_000);
    };
    let (first, crowd, ()) = tokio::join!(first, crowd, release);
    assert_eq!(first, Ok(()));
    assert!(crowd.iter().all(Result::is_ok));
    let batches = fake.batches();
    assert!(batches.iter().all(|len| *len <= MOST) && batches.len() <= 8, "{batches:?}");
}

#[tokio::test]
async fn each_waits_for_its_own_verdict() {
    let fake = Fake::new(1_000, |event| {
        let changed: MailboxChanged = event.decode().unwrap();
        if changed.history_id.is_multiple_of(2) { Ok(()) } else { Err(PublishError::Nacked) }
    });
    let (confirmer, _stop, _task) = running(&fake);
    let results = join_all((1..=100).map(|n| confirmer.confirm(event(n)))).await;
    for (n, result) in (1..=100_u64).zip(results) {
        assert_eq!(result.is_ok(), n % 2 == 0, "{n}");
    }
}

#[tokio::test]
async fn a_blocked_broker_refuses_at_once_and_nothing_is_published() {
    let fake = Fake::new(1_000, |_| Ok(()));
    let (confirmer, _stop, _task) = running(&fake);
    fake.blocked.store(true, Ordering::SeqCst);
    assert_eq!(confirmer.confirm(event(1)).await, Err(NotConfirmed::Blocked));
    assert!(fake.batches().is_empty());
    fake.blocked.store(false, Ordering::SeqCst);
    assert_eq!(confirmer.confirm(event(1)).await, Ok(()));
}

#[tokio::test]
async fn a_silent_broker_is_late_after_the_deadline() {
    let fake = Fake::new(0, |_| Ok(()));
    let (confirmer, _stop, _task) = running(&fake);
    let confirmer = confirmer.within(Duration::from_millis(20));
    assert_eq!(confirmer.confirm(event(1)).await, Err(NotConfirmed::Late));
    assert!(DEADLINE < Duration::from_secs(9));
}

#[tokio::test]
async fn the_collector_finishes_what_was_begun_and_then_ends() {
    let fake = Fake::new(0, |_| Ok(()));
    let (confirmer, _stop, task) = running(&fake);
    let last = async move { confirmer.confirm(event(1)).await };
    let release = async {
        while fake.batches().is_empty() {
            tokio::task::yield_now().await;
        }
        fake.permits.add_permits(1);
    };
    let (last, ()) = tokio::join!(last, release);
    assert_eq!(last, Ok(()));
    task.await.unwrap();
}
