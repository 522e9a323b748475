//! On the machine's own clock: what the quota leaves for mail that comes while a large mailbox is fetched.

use std::time::{Duration, Instant};

use postrider_domain::Clock as _;
use postrider_gmail_sim::Deliver;
use postrider_storage::{Value, sql};
use postrider_sync_worker::engine::Settings;

use super::{Case, case_with, setting};
use crate::harness::{enqueue, quick};

#[tokio::test(flavor = "multi_thread")]
async fn live_mail_is_there_within_two_seconds_of_a_large_backfill() {
    let (mails, came) = (setting("BACKFILL_MAILS", 1_500), setting("BACKFILL_LIVE", 8));
    let settings = Settings { live_tick: Settings::default().live_tick, ..quick() };
    let case = case_with(99, mails, 1, settings).await;
    let (engine, connector) = (case.engine.clone(), case.ids.connector);
    let work = tokio::spawn(async move {
        loop {
            if !engine.run_mailbox(connector).await.unwrap() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
    postrider_testing::eventually("the backfill is at work", Duration::from_secs(60), || async {
        (case.fetches().0 > 20).then_some(())
    })
    .await;
    let mut waits = Vec::new();
    for _ in 0..came {
        let before = case.fetches().0;
        let (world, address) = (&case.gmail.sim.world, &case.ids.address);
        let id = world.deliver(address, Deliver::default()).unwrap().to_string();
        let visible = Instant::now();
        let push = case.ids.push(world.visibility(address).unwrap().history_id);
        enqueue(&case.test.db, &[push], case.clock.now()).await;
        postrider_testing::eventually("the live mail", Duration::from_secs(30), || async {
            case.has(&id).await.then_some(())
        })
        .await;
        waits.push(visible.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!case.is_done().await && case.fetches().0 > before, "the backfill goes on beside it");
    }
    work.abort();
    waits.sort_unstable();
    println!(
        "{came} live mails beside a backfill of {mails}: {:?} at the median, {:?} at most",
        waits[waits.len() / 2],
        waits[waits.len() - 1]
    );
    assert!(waits.iter().all(|wait| *wait < Duration::from_secs(2)), "{waits:?}");
}

impl Case {
    async fn has(&self, message: &str) -> bool {
        let tx = self.test.db.tenant(&self.ids.tenant).await.unwrap();
        let found =
            sql("SELECT count(*) AS value FROM emails WHERE connector_id = $1 AND message_id = $2 AND NOT stub")
                .binds((self.ids.connector, message))
                .get_result::<Value<i64>>(&tx)
                .await
                .unwrap();
        tx.commit().await.unwrap();
        found.0 == 1
    }
}
