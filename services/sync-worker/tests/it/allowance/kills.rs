//! What a kill costs while a large mailbox is fetched.

use std::time::Duration;

use super::{case, setting};
use crate::harness::bury_holder;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_costs_a_hundred_mails_at_most() {
    let (mails, kills) = (setting("BACKFILL_MAILS", 1_200).min(20_000), setting("BACKFILL_KILLS", 5));
    // So fast that the quota does not hold it up.
    let case = case(98, mails, 2_000).await;
    let mut killed = 0;
    while !case.is_done().await {
        let mut work = Box::pin(case.engine.run_mailbox(case.ids.connector));
        // Dropped wherever it stands: what it had in memory is gone.
        // Soon enough that even a quick machine has not finished its slice.
        let time =
            if killed < kills { Duration::from_millis(15 + 20 * u64::from(killed)) } else { Duration::from_secs(600) };
        match tokio::time::timeout(time, work.as_mut()).await {
            Ok(done) => {
                if !done.unwrap() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            Err(_killed) => {
                killed += 1;
                drop(work);
                bury_holder(&case.test.db, case.ids.connector).await;
            }
        }
    }
    let (mails_fetched, fetches) = case.fetches();
    println!("{killed} kills: {} mails of {mails} fetched again", fetches - mails_fetched);
    assert_eq!(mails_fetched, mails);
    assert!(killed > 0 && fetches - mails_fetched <= killed * 100, "{killed} kills, {} again", fetches - mails_fetched);
}
