//! The project's quota is one, however many replicas spend it.

use std::sync::Arc;

use postrider_gmail::quota::{Slice, SliceStore};
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
