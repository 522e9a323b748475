//! The governor under load, by a clock the test moves.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures_util::future::join_all;
use futures_util::{FutureExt, poll};
use postrider_domain::MockClock;
use proptest::prelude::*;

use super::*;
use crate::GmailError;
use crate::quota::{LocalSlices, LocalUnits, SliceRule, UserBucket};

fn build(config: GovernorConfig, clock: &MockClock) -> Governor {
    let dearest = config.quota.costs.dearest();
    let bucket = UserBucket::empty(config.quota.limits.user_per_minute, dearest, clock.now());
    let rule = SliceRule::new(config.quota.limits.sync_share(dearest), dearest);
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let gate = ProjectGate::new(rule, Arc::new(LocalSlices::default()), clock.clone());
    Governor::new(config, Arc::new(LocalUnits::new(bucket, clock.clone())), Arc::new(gate), clock)
}

fn full(clock: &MockClock) -> Governor {
    let governor = build(GovernorConfig::default(), clock);
    clock.advance(TimeDelta::minutes(5));
    governor
}

/// Moves the clock while `work` goes on: 20 ms of business time for each turn of the executor's timer.
async fn with_time<T>(clock: &MockClock, work: impl Future<Output = T>) -> T {
    let done = AtomicBool::new(false);
    let tick = async {
        while !done.load(Ordering::Relaxed) {
            clock.advance(TimeDelta::milliseconds(20));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let work = async {
        let result = work.await;
        done.store(true, Ordering::Relaxed);
        result
    };
    tokio::join!(work, tick).0
}

#[tokio::test]
async fn calls_run_up_to_the_concurrency_limit() {
    let clock = MockClock::default();
    let governor = full(&clock);
    let mut permits = Vec::new();
    for _ in 0..5 {
        permits.push(governor.acquire(Method::MessagesGet, Lane::Live).await.unwrap());
    }
    let sixth = governor.acquire(Method::MessagesGet, Lane::Live);
    tokio::pin!(sixth);
    assert!(poll!(&mut sixth).is_pending());
    drop(permits.pop());
    sixth.await.unwrap().finish(Called::Answered);
    assert_eq!(governor.spent(), 120);
}

#[tokio::test]
async fn a_waiting_live_call_goes_first() {
    let clock = MockClock::default();
    let governor = full(&clock);
    let order = Mutex::new(Vec::new());
    let blockers = join_all((0..5).map(|_| governor.acquire(Method::HistoryList, Lane::Live))).await;
    let run = |lane: Lane| {
        let (governor, order) = (&governor, &order);
        async move {
            let permit = governor.acquire(Method::HistoryList, lane).await.unwrap();
            order.lock().push(lane);
            permit.finish(Called::Answered);
        }
    };
    let waiting = join_all([Lane::Backfill, Lane::Repair, Lane::Asked, Lane::Live, Lane::Backfill].map(run));
    tokio::pin!(waiting);
    assert!(poll!(&mut waiting).is_pending());
    drop(blockers);
    waiting.await;
    let expected = [Lane::Live, Lane::Asked, Lane::Repair, Lane::Backfill, Lane::Backfill];
    assert_eq!(*order.lock(), expected);
}

#[tokio::test]
async fn backfill_leaves_a_slot_and_units_for_live() {
    let clock = MockClock::default();
    let governor = full(&clock);
    let mut backfill = Vec::new();
    while let Some(permit) = governor.acquire(Method::MessagesGet, Lane::Backfill).now_or_never() {
        backfill.push(permit.unwrap());
    }
    assert_eq!(backfill.len(), 4);
    let live = governor.acquire(Method::MessagesGet, Lane::Live).now_or_never();
    live.expect("live takes the slot left free").unwrap().finish(Called::Answered);
}

#[tokio::test]
async fn a_waiter_that_gives_up_leaves_the_queue() {
    let clock = MockClock::default();
    let governor = full(&clock);
    let blockers = join_all((0..5).map(|_| governor.acquire(Method::HistoryList, Lane::Live))).await;
    {
        let live = governor.acquire(Method::HistoryList, Lane::Live);
        tokio::pin!(live);
        assert!(poll!(&mut live).is_pending());
    }
    drop(blockers);
    governor.acquire(Method::HistoryList, Lane::Backfill).await.unwrap().finish(Called::Answered);
}

#[tokio::test]
async fn retry_times_hold_the_mailbox() {
    let clock = MockClock::default();
    let governor = full(&clock);
    let soon = clock.now() + TimeDelta::seconds(2);
    let permit = governor.acquire(Method::MessagesGet, Lane::Live).await.unwrap();
    permit.finish(Called::TooMany { retry_at: Some(soon) });
    assert_eq!((governor.held_until(Lane::Live), governor.concurrency()), (Some(soon), 2));
    with_time(&clock, governor.acquire(Method::MessagesGet, Lane::Live)).await.unwrap().finish(Called::Answered);
    assert!(clock.now() >= soon && governor.held_until(Lane::Live).is_none());
    let late = clock.now() + TimeDelta::hours(3);
    governor.hold(Lane::Asked, late);
    governor.hold(Lane::Asked, soon);
    // Who is more urgent asks for itself.
    governor.acquire(Method::MessagesGet, Lane::Live).await.unwrap().finish(Called::Answered);
    assert!(governor.acquire(Method::MessagesGet, Lane::Backfill).await.is_err());
    governor.hold(Lane::Live, late);
    let held = governor.acquire(Method::MessagesGet, Lane::Live).await.err();
    assert_eq!(held, Some(Held { until: late, by: HeldBy::Account }));
    assert_eq!(GmailError::from(Held { until: late, by: HeldBy::Account }).retry_at(), Some(late));
}

#[tokio::test]
async fn a_quota_refusal_empties_the_bucket() {
    let clock = MockClock::default();
    let governor = full(&clock);
    let permit = governor.acquire(Method::MessagesGet, Lane::Live).await.unwrap();
    permit.finish(Called::OutOfUnits { retry_at: None });
    let begun = clock.now();
    with_time(&clock, governor.acquire(Method::MessagesGet, Lane::Live)).await.unwrap().finish(Called::Answered);
    assert!(clock.now() - begun >= TimeDelta::milliseconds(200));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// However hard a backfill pushes, each live call starts within what its own units take to refill, and the minute
    /// never holds more than the limit.
    #[test]
    fn live_never_starves_and_the_limit_holds(
        greedy in 1_usize..12,
        live_gaps in proptest::collection::vec(100_i64..1_500, 3..10),
        call_ms in 20_i64..400,
    ) {
        let clock = MockClock::default();
        let governor = full(&clock);
        let taken = Mutex::new(Vec::new());
        let stop = AtomicBool::new(false);
        let waits = AtomicU32::new(0);
        let call = |lane: Lane| {
            let (governor, taken, clock) = (&governor, &taken, &clock);
            async move {
                let permit = governor.acquire(Method::MessagesGet, lane).await.unwrap();
                let begun = clock.now();
                taken.lock().push(begun);
                until(clock, begun + TimeDelta::milliseconds(call_ms)).await;
                permit.finish(Called::Answered);
                begun
            }
        };
        let backfill = join_all((0..greedy).map(|_| async {
            while !stop.load(Ordering::Relaxed) {
                call(Lane::Backfill).await;
            }
        }));
        let live = async {
            for gap in &live_gaps {
                until(&clock, clock.now() + TimeDelta::milliseconds(*gap)).await;
                let asked = clock.now();
                let begun = call(Lane::Live).await;
                // A get refills in 211 ms; a slot frees after one call at the latest; and the clock ticks by 20 ms.
                let longest = TimeDelta::milliseconds(211 + call_ms + 250);
                if begun - asked > longest {
                    waits.fetch_add(1, Ordering::Relaxed);
                }
            }
            stop.store(true, Ordering::Relaxed);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(with_time(&clock, async { tokio::join!(backfill, live) }));
        prop_assert_eq!(waits.load(Ordering::Relaxed), 0);
        let taken = taken.into_inner();
        for from in &taken {
            let window = taken.iter().filter(|at| *at >= from && **at < *from + TimeDelta::minutes(1)).count();
            prop_assert!(window * 20 <= 6_000);
        }
    }
}

/// Waits until the clock has reached `then`.
async fn until(clock: &MockClock, then: Timestamp) {
    while clock.now() < then {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
