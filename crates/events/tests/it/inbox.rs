//! One effect for each event, one worker for each job.

use std::time::Duration;

use postrider_domain::{EventId, Seams};
use postrider_events::inbox;
use postrider_storage::{lease, sql};

use postrider_testing::events::base_schema;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_claimed_once_for_each_consumer() {
    let test = base_schema().await;
    let id = EventId(Seams::system().ids.uuid());
    let tx = test.db.system().await.unwrap();
    assert!(inbox::claim(&tx, "one", &[id, id]).await.unwrap().contains(&id));
    tx.commit().await.unwrap();
    let tx = test.db.system().await.unwrap();
    assert!(inbox::claim(&tx, "one", &[id]).await.unwrap().is_empty());
    assert_eq!(inbox::claim(&tx, "two", &[id]).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_dies_with_its_transaction() {
    let test = base_schema().await;
    let id = EventId(Seams::system().ids.uuid());
    let tx = test.db.system().await.unwrap();
    inbox::claim(&tx, "one", &[id]).await.unwrap();
    tx.rollback().await.unwrap();
    let tx = test.db.system().await.unwrap();
    assert_eq!(inbox::claim(&tx, "one", &[id]).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    let tx = test.db.system().await.unwrap();
    inbox::release(&tx, "one", id).await.unwrap();
    assert_eq!(inbox::claim(&tx, "one", &[id]).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_has_one_holder_until_it_ends() {
    let test = base_schema().await;
    let tx = test.db.system().await.unwrap();
    let minute = Duration::from_secs(60);
    assert_eq!(lease::try_acquire(&tx, "job", "a", minute).await.unwrap(), Some(1));
    assert_eq!(lease::try_acquire(&tx, "job", "b", minute).await.unwrap(), None);
    assert_eq!(lease::try_acquire(&tx, "job", "a", minute).await.unwrap(), Some(1));
    lease::release(&tx, "job", "a").await.unwrap();
    assert_eq!(lease::try_acquire(&tx, "job", "b", minute).await.unwrap(), Some(2));
    sql("UPDATE leases SET until = clock_timestamp() - interval '1 second'").execute(&tx).await.unwrap();
    assert_eq!(lease::try_acquire(&tx, "job", "a", minute).await.unwrap(), Some(3));
}
