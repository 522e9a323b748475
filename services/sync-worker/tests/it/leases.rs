//! Leases between replicas: a frozen holder is fenced, a dead one is followed, one bad mailbox holds up nobody.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use postrider_gmail_sim::{Deliver, MailboxSpec, Sizes, World};
use postrider_runtime::Context;
use postrider_storage::{Db, sql};
use postrider_sync_worker::error::EngineError;
use postrider_sync_worker::jobs::due_scan;
use tokio_util::sync::CancellationToken;

use crate::gmail::{Rates, SimAccess, SimGmail};
use crate::harness::{Ids, bury_holder, database, engine, expire_lease, mailbox_number, mirror, within};

fn simulated(ids: &Ids, size: u32) -> (World, SimGmail) {
    let world = World::new(7, Arc::new(ids.clock.clone()));
    let spec = MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), size) };
    world.create_mailbox(&spec).unwrap();
    let gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), 7, 50);
    (world, gmail)
}

fn only(gmail: &SimGmail) -> SimAccess {
    let gmail = gmail.clone();
    SimAccess(Arc::new(move |_| Some(gmail.clone())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_holder_is_fenced_and_writes_nothing_more() {
    let test = database().await;
    let ids = Ids::of(1);
    let (world, gmail) = simulated(&ids, 120);
    ids.connect(&test.db, "sub").await;
    let [one, two] = ["one", "two"].map(|owner| engine(&test.db, only(&gmail), ids.seams.clone(), owner));
    let mut fenced = 0;
    for polls in (5..400).step_by(23) {
        world.deliver(&ids.address, Deliver::default()).unwrap();
        ids.clock.advance(TimeDelta::minutes(6));
        let mut frozen = pin!(one.run_mailbox(ids.connector));
        if within(frozen.as_mut(), polls).await.is_some() || !expire_lease(&test.db, ids.connector).await {
            continue;
        }
        two.run_mailbox(ids.connector).await.unwrap();
        let after = frozen.await;
        assert!(!matches!(after, Err(EngineError::Db(_) | EngineError::Gmail(_))), "{after:?}");
        fenced += usize::from(matches!(after, Err(EngineError::Fenced)));
    }
    assert!(fenced > 0, "no holder was fenced: the test froze at no useful moment");
    ids.clock.advance(TimeDelta::minutes(6));
    bury_holder(&test.db, ids.connector).await;
    two.run_mailbox(ids.connector).await.unwrap();
    let truth = world.truth(&ids.address).unwrap();
    assert!(truth.keys().eq(mirror(&test.db, &ids.tenant, ids.connector).await.keys()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_fifty_mailboxes_fails_and_the_others_stay_current_on_two_replicas() {
    let test = database().await;
    let all: Vec<Ids> = (100..150).map(Ids::of).collect();
    let world = World::new(9, Arc::new(postrider_domain::SystemClock));
    let mut gmails = HashMap::new();
    let seams = postrider_domain::Seams::system();
    for ids in &all {
        let spec = MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), 3) };
        world.create_mailbox(&spec).unwrap();
        let gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), 9, 50);
        ids.clock.set(postrider_domain::Clock::now(&postrider_domain::SystemClock));
        ids.connect(&test.db, &format!("sub-{}", ids.address)).await;
        gmails.insert(ids.connector, gmail);
    }
    let bad = all[17].connector;
    gmails[&bad].set_rates(Rates { broken: 1.0, ..Rates::default() });
    let stops: Vec<(Context, CancellationToken)> = ["one", "two"]
        .map(|owner| {
            let gmails = gmails.clone();
            let access = SimAccess(Arc::new(move |leased| gmails.get(&leased.mailbox.connector).cloned()));
            let engine = engine(&test.replica(), access, seams.clone(), owner);
            let cx = Context::for_tests();
            due_scan::start(&cx.tasks, &cx.shutdown, &engine);
            let stop = cx.shutdown.soft.clone();
            (cx, stop)
        })
        .into();
    current(&test.db, &world, &all, bad).await;
    // One replica goes away; the other has all of them.
    stops[0].1.cancel();
    stops[0].0.tasks.finished().await;
    for ids in &all {
        world.deliver(&ids.address, Deliver::default()).unwrap();
    }
    make_due(&test.db).await;
    current(&test.db, &world, &all, bad).await;
    let failures = attempts(&test.db, bad).await;
    assert!((1..20).contains(&failures), "the bad one backs off, it does not spin: {failures} attempts");
    stops[1].1.cancel();
    stops[1].0.tasks.finished().await;
}

async fn current(db: &Db, world: &World, all: &[Ids], bad: postrider_domain::ConnectorId) {
    for ids in all.iter().filter(|ids| ids.connector != bad) {
        postrider_testing::eventually("the mailbox is current", Duration::from_secs(60), || async {
            let truth = world.truth(&ids.address).unwrap();
            truth.keys().eq(mirror(db, &ids.tenant, ids.connector).await.keys()).then_some(())
        })
        .await;
    }
}

async fn make_due(db: &Db) {
    let tx = db.system().await.unwrap();
    sql("UPDATE mailboxes SET due_at = now() - interval '1 second', requested = requested + 1")
        .execute(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn attempts(db: &Db, connector: postrider_domain::ConnectorId) -> i64 {
    mailbox_number(db, connector, "SELECT attempts::bigint AS value FROM mailboxes WHERE connector_id = $1").await
}
