//! The project's quota is one, however many replicas spend it.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_domain::{Clock as _, MockClock, Seams};
use postrider_gmail::Lane;
use postrider_gmail::quota::{
    Claimed, Day, DayState, DayStore, QuotaSetting, RefusedUntil, Slice, SliceStore, UnitsClaim, UserUnits,
};
use postrider_sync_worker::store::buckets::SharedUnits;
use postrider_sync_worker::store::days::SharedDays;
use postrider_sync_worker::store::slices::SharedSlices;

use crate::harness::database;

#[tokio::test]
async fn replicas_that_claim_at_once_are_granted_what_there_is_and_no_more() {
    let db = database().await;
    let replicas = [Arc::new(SharedSlices::new(db.db.clone())), Arc::new(SharedSlices::new(db.db.clone()))];
    let claims = (0..20).map(|n| {
        let replica = replicas[n % 2].clone();
        async move { replica.claim(Slice(1_000), 7, 100).await }
    });
    let granted = futures_util::future::join_all(claims).await;
    assert_eq!(granted.iter().sum::<u32>(), 100, "{granted:?}");
    // A lower lane's cap is reached; a higher one's is not.
    assert_eq!(replicas[0].claim(Slice(1_000), 7, 80).await, 0);
    assert_eq!(replicas[1].claim(Slice(1_000), 7, 103).await, 3);
    // The next slice is whole, and a replica whose clock is behind still has its own.
    assert_eq!(replicas[0].claim(Slice(1_001), 7, 100).await, 7);
    assert_eq!(replicas[1].claim(Slice(999), 7, 100).await, 7);
    // Long after, what is over is forgotten.
    assert_eq!(replicas[0].claim(Slice(2_000), 7, 100).await, 7);
    assert_eq!(replicas[1].claim(Slice(1_000), 7, 100).await, 7);
}

/// What two replicas, each with a mailbox of the same Google account in its own tenant, are granted by turns.
#[tokio::test]
async fn replicas_that_work_for_one_google_account_spend_its_one_minute() {
    let db = database().await;
    let clock = MockClock::default();
    let seams = Seams::seeded(Arc::new(clock.clone()), 51);
    let quota = QuotaSetting::gmail_2026();
    let replicas = [(); 2].map(|()| SharedUnits::new(db.db.clone(), seams.clone(), "sub", &quota));
    let mut granted = 0;
    for tick in 0..240 {
        for replica in &replicas {
            let claim = UnitsClaim { units: 20, ahead: 30, lane: Lane::Live, drained: false };
            if let Claimed::Granted(units) = replica.claim(claim).await {
                granted += units;
            }
        }
        if tick < 239 {
            clock.advance(TimeDelta::milliseconds(250));
        }
    }
    assert!((5_400..=6_000).contains(&granted), "{granted} in a minute");
    // What one of them puts back is there for the other, and what Google says is gone is gone for both.
    replicas[0].give_back(300, 7).await.unwrap();
    assert_eq!(replicas[1].felt().await.unwrap().map(|(concurrency, _)| concurrency), Some(7));
    let all = UnitsClaim { units: 100, ahead: 40, lane: Lane::Live, drained: false };
    assert_eq!(replicas[1].claim(all).await, Claimed::Granted(140));
    replicas[0].give_back(300, 7).await.unwrap();
    assert!(matches!(replicas[0].claim(UnitsClaim { drained: true, ..all }).await, Claimed::Wait(_)));
    assert!(matches!(replicas[1].claim(all).await, Claimed::Wait(_)));
}

#[tokio::test]
async fn replicas_count_the_projects_day_together_and_tell_each_other_what_google_refuses() {
    let db = database().await;
    let [one, two] = [(); 2].map(|()| SharedDays::new(db.db.clone()));
    let later = MockClock::default().now() + TimeDelta::hours(9);
    let none = RefusedUntil::default();
    let day = Day(20_000);
    assert_eq!(one.add(day, 70, none).await, Some(DayState { spent: 70, refused: none }));
    let refused = RefusedUntil { work: Some(later), live: None };
    assert_eq!(two.add(day, 30, refused).await, Some(DayState { spent: 100, refused }));
    assert_eq!(one.add(day, 0, none).await, Some(DayState { spent: 100, refused }));
    assert_eq!(one.add(Day(20_001), 5, none).await, Some(DayState { spent: 5, refused: none }));
}
