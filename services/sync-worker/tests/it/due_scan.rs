//! The scan for due mailboxes reads what is due, and not all that waits or has ended.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::{AccountStatus, Clock as _};
use postrider_storage::{AsyncPgConnection, Value, sql};
use postrider_sync_worker::engine::Settings;
use postrider_sync_worker::store::clock;
use postrider_sync_worker::store::mailboxes::{due, lease, news};

use crate::gmail::SimAccess;
use crate::harness::{Ids, database, engine_with, quick};
use crate::rig::rig;

/// Every so many rows is one of those that are looked for.
const RARE: i64 = 400;
/// Rows in all.
const ROWS: i64 = 4_000;

/// Rows that this transaction has read from tables.
async fn visited(conn: &AsyncPgConnection) -> i64 {
    sql("SELECT coalesce(sum(coalesce(idx_tup_fetch, 0) + seq_tup_read), 0)::bigint AS value \
         FROM pg_stat_xact_user_tables WHERE relname = 'mailboxes'")
    .get_result::<Value<i64>>(conn)
    .await
    .unwrap()
    .0
}

/// The tables of a test are small enough for the planner to read them whole; those of life are not.
async fn as_if_large(conn: &AsyncPgConnection) {
    sql("SELECT set_config('enable_seqscan', 'off', true) AS value").get_result::<Value<String>>(conn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_walks_no_mailbox_that_an_error_holds_back() {
    let test = database().await;
    let ids = Ids::of(2);
    let now = ids.clock.now();
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    sql("INSERT INTO mailboxes (connector_id, tenant, owner, connector_version, google_sub, address, address_key, status, \
           due_at, not_before) \
         SELECT gen_random_uuid(), $1, 'o', 1, 's', 'a', 'a', 'active', $2, CASE WHEN n % $4 <> 0 THEN $3 END \
         FROM generate_series(1::bigint, $5) AS n")
    .binds((&ids.tenant, now - TimeDelta::minutes(5), now + TimeDelta::minutes(5), RARE, ROWS))
    .execute(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    sql("ANALYZE mailbox.mailboxes").execute(&test.admin().await).await.unwrap();
    let mut tx = test.db.system().await.unwrap();
    as_if_large(&tx).await;
    let leased = due::acquire_all(&mut tx, "one", &[], 64, now).await.unwrap();
    assert_eq!(leased.len(), 10);
    let visited = visited(&tx).await;
    assert!(visited <= 200, "{visited} rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_ended_under_work_is_not_due_for_ever() {
    let test = database().await;
    let ids = Ids::of(3);
    ids.connect(&test.db, "sub").await;
    let now = ids.clock.now();
    let mut tx = test.db.system().await.unwrap();
    let leased = due::acquire(&mut tx, "one", ids.connector, now).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let mut ended = ids.active(2, "sub");
    ended.status = AccountStatus::Disconnected;
    let mut tx = test.db.tenant(&ids.tenant).await.unwrap();
    assert!(news::apply_account(&mut tx, &ended, now).await.unwrap());
    lease::fail(&mut tx, &leased.mailbox.guard(), "token", 1, now, now).await.unwrap();
    tx.commit().await.unwrap();
    let tx = test.db.system().await.unwrap();
    let due = sql("SELECT count(*) AS value FROM mailboxes WHERE due_at IS NOT NULL").get_result::<Value<i64>>(&tx);
    assert_eq!(due.await.unwrap().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_whose_clock_is_wrong_takes_no_mailbox() {
    let rig = rig(93, 1).await;
    let tx = rig.test.db.system().await.unwrap();
    let theirs = clock::now(&tx).await.unwrap();
    // Due for a while, by any of the clocks.
    sql("UPDATE mailboxes SET due_at = $1").bind(theirs - TimeDelta::hours(1)).execute(&tx).await.unwrap();
    tx.commit().await.unwrap();
    for (off, takes) in [(-70_i64, false), (70, false), (50, true)] {
        rig.ids.clock.advance(theirs + TimeDelta::seconds(off) - rig.ids.clock.now());
        let settings = Settings { clock_tolerance: Some(Duration::from_secs(60)), ..quick() };
        let behind = rig.gmail.clone();
        let access = SimAccess(Arc::new(move |_| Some(behind.clone())));
        let engine = engine_with(&rig.test.db, access, rig.ids.seams.clone(), "two", settings);
        let leased = engine.acquire_due(&[], 10).await.unwrap();
        assert_eq!(leased.len(), usize::from(takes), "{off} seconds");
        let told = engine.metrics().clock_off.get();
        assert!((told - off).abs() <= 5, "{told}");
    }
}
