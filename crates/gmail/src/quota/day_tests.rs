//! The day of the project, by a clock the test moves.

use std::collections::HashMap;

use postrider_domain::MockClock;

use super::*;

/// One count for two replicas.
#[derive(Default)]
struct Shared(Mutex<HashMap<Day, DayState>>);

#[async_trait]
impl DayStore for Shared {
    async fn add(&self, day: Day, spent: u64, refused: RefusedUntil) -> Option<DayState> {
        let mut days = self.0.lock();
        let state = days.entry(day).or_default();
        state.spent += spent;
        state.refused.work = state.refused.work.max(refused.work);
        state.refused.live = state.refused.live.max(refused.live);
        Some(*state)
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn replicas(limit: u64) -> (MockClock, [ProjectDay; 2]) {
    let clock = MockClock::default();
    let store = Arc::new(Shared::default());
    let one = || ProjectDay::new(limit, store.clone(), Arc::new(clock.clone()));
    (clock.clone(), [one(), one()])
}

#[test]
fn a_day_ends_at_midnight_in_california() {
    let ends = |now| day(at(now)).1;
    assert_eq!(ends("2026-11-29T07:59:59Z"), at("2026-11-29T08:00:00Z"));
    assert_eq!(ends("2026-11-29T08:00:00Z"), at("2026-11-30T08:00:00Z"));
    assert_eq!(ends("2026-07-01T06:59:59Z"), at("2026-07-01T07:00:00Z"));
    // Days of 23 and of 25 hours.
    assert_eq!(ends("2026-03-08T08:00:00Z"), at("2026-03-09T07:00:00Z"));
    assert_eq!(ends("2026-11-01T07:00:00Z"), at("2026-11-02T08:00:00Z"));
    let number = |now| day(at(now)).0.0;
    assert_eq!(number("2026-11-29T08:00:00Z") - number("2026-11-29T07:59:59Z"), 1);
}

#[tokio::test]
async fn the_projects_work_stops_before_the_limit_and_live_mail_at_it() {
    let (clock, [one, two]) = replicas(1_000);
    for _ in 0..47 {
        one.spend(20, Lane::Backfill).await.unwrap();
    }
    assert_eq!(one.spend(20, Lane::Backfill).await.unwrap_err().by, HeldBy::Day);
    clock.advance(TimeDelta::seconds(6));
    one.spend(10, Lane::Asked).await.unwrap();
    // What the other replica spent counts.
    let held = two.spend(20, Lane::Repair).await.unwrap_err();
    assert_eq!(held.until, day(clock.now()).1);
    for _ in 0..2 {
        two.spend(20, Lane::Live).await.unwrap();
    }
    assert_eq!((two.percent(), two.spend(60, Lane::Live).await.is_err()), (98, true));
    clock.advance(held.until - clock.now());
    two.spend(20, Lane::Backfill).await.unwrap();
    assert_eq!(two.percent(), 2);
}

#[tokio::test]
async fn what_google_refuses_is_refused_to_all_replicas_until_the_day_ends_and_live_mail_asks_again() {
    let (clock, [one, two]) = replicas(80_000_000);
    one.refused(Lane::Backfill, None);
    let ends = day(clock.now()).1;
    assert_eq!(one.spend(20, Lane::Backfill).await, Err(Held { until: ends, by: HeldBy::Day }));
    assert_eq!(two.spend(20, Lane::Asked).await, Err(Held { until: ends, by: HeldBy::Day }));
    two.spend(2, Lane::Live).await.unwrap();
    assert_eq!(one.percent(), 100);
    two.refused(Lane::Live, None);
    let again = clock.now() + LIVE_AGAIN_AFTER.min(ends - clock.now());
    assert_eq!(two.spend(2, Lane::Live).await, Err(Held { until: again, by: HeldBy::Day }));
    clock.advance(again - clock.now());
    two.spend(2, Lane::Live).await.unwrap();
}
