//! A run gives way at the end of its slice, whatever it is at, and goes on where it was.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use postrider_gmail_sim::MsgId;
use postrider_storage::{Value, sql};
use postrider_sync_worker::engine::Settings;

use crate::gmail::SimAccess;
use crate::harness::{engine_with, quick};
use crate::rig::{Rig, rig_with_pages};

/// More than two batches of what is asked about at once.
const DELETED: usize = 120;

impl Rig {
    /// How far the confirmation has come; empty at its beginning, `None` while the run is at something else.
    async fn confirmed_up_to(&self) -> Option<String> {
        let tx = self.test.db.tenant(&self.ids.tenant).await.unwrap();
        let place = sql("SELECT coalesce(page_token, '') AS value FROM sync_runs \
             WHERE connector_id = $1 AND kind = 'repair' AND state = 'confirming'")
        .bind(self.ids.connector)
        .load::<Value<String>>(&tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        place.into_iter().next().map(|place| place.0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_confirmation_of_many_deletions_gives_way_and_asks_about_none_twice() {
    let rig = rig_with_pages(62_001, 620, 500).await;
    rig.live_through(1).await;
    // The oldest ones: what the look back compares holds none of them.
    let gone: Vec<String> = rig.truth().into_iter().take(DELETED).collect();
    for id in &gone {
        rig.world.delete(&rig.ids.address, id.parse::<MsgId>().unwrap()).unwrap();
    }
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    let behind = rig.gmail.clone();
    let access = SimAccess(Arc::new(move |_| Some(behind.clone())));
    // Over as soon as it has begun.
    let settings = Settings { backfill_slice: Duration::ZERO, backfill_turn: Duration::ZERO, ..quick() };
    let hurried = engine_with(&rig.test.db, access, rig.ids.seams.clone(), "hurried", settings);
    let mut places = BTreeSet::new();
    let mut asked = 0;
    let completed = "SELECT count(*) AS value FROM sync_runs \
         WHERE connector_id = $1 AND kind = 'repair' AND state = 'completed'";
    // A slice fetches one mail at least.
    for _ in 0..2_000 {
        if rig.number(completed).await == 1 {
            break;
        }
        let before = rig.gmail.units();
        let confirming = rig.confirmed_up_to().await;
        let worked = hurried.run_mailbox(rig.ids.connector).await.unwrap();
        if confirming.is_some() {
            asked += rig.gmail.units() - before;
        }
        places.extend(confirming);
        if !worked {
            rig.ids.clock.advance(TimeDelta::seconds(20));
        }
    }
    assert_eq!(rig.number(completed).await, 1);
    assert_eq!(rig.labels().await, rig.true_labels());
    assert!(places.len() > DELETED / 50, "{places:?}");
    // 20 units each, and the looks of the live lane beside them.
    let each = u64::try_from(DELETED).unwrap() * 20;
    assert!((each..each + each / 20).contains(&asked), "{asked} units");
}
