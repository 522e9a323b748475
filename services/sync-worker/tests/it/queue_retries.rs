//! A push that waits for a mailbox which cannot be looked at: it has five tries, then it failed, and a look that gets there
//! ends it all the same.

use postrider_domain::Clock as _;
use postrider_sync_worker::store::queue::shown::{self, QueueStatus, Queued};

use crate::rig::{Rig, rig};

async fn only(rig: &Rig) -> Queued {
    let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    shown::list(&tx, &[rig.ids.connector], None, None, 10).await.unwrap().pop().expect("a push")
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_looks_are_counted_and_a_good_one_ends_what_failed() {
    let rig = rig(11, 1).await;
    rig.live_through(1).await;
    rig.push(1).await;
    for n in 1..=6 {
        let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
        shown::note_failure(&tx, rig.ids.connector, "transient", rig.ids.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let push = only(&rig).await;
        let status = if n < 5 { QueueStatus::Pending } else { QueueStatus::Failed };
        assert_eq!(
            (push.status, push.retry_count, push.error_message.as_deref()),
            (status, n.min(5), Some("transient"))
        );
    }
    rig.live_through(1).await;
    let push = only(&rig).await;
    assert_eq!(
        (push.status, push.outcome.as_deref(), push.error_message),
        (QueueStatus::Completed, Some("applied"), None)
    );
    // What is done fails no more.
    let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    assert_eq!(shown::note_failure(&tx, rig.ids.connector, "transient", rig.ids.clock.now()).await.unwrap(), 0);
}
