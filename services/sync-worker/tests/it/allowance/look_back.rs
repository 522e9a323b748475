//! What a look back costs that meets a run at work.

use std::time::Duration;

use postrider_domain::Clock as _;
use postrider_storage::sql;

use super::{Case, case};

impl Case {
    /// A look back is due.
    async fn look_back(&self) {
        let tx = self.test.db.system().await.unwrap();
        sql("UPDATE mailboxes SET look_back_at = $2 WHERE connector_id = $1")
            .binds((self.ids.connector, self.clock.now()))
            .execute(&tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_back_beside_a_run_fetches_nothing_twice() {
    // So fast that the quota does not hold it up.
    let case = case(100, 1_500, 2_000).await;
    while !case.is_done().await {
        let mut work = Box::pin(case.engine.run_mailbox(case.ids.connector));
        // One look back after the other, while the run fetches the very mails that they compare.
        let looks = async {
            loop {
                case.look_back().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            done = work.as_mut() => drop(done.unwrap()),
            () = looks => {}
        }
    }
    assert_eq!(case.fetches(), (1_500, 1_500));
}
