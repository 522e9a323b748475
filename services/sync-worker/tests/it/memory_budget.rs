//! What mails take between Gmail and the database is bounded for the whole process, and nobody waits for ever.

use std::sync::Arc;
use std::time::Duration;

use postrider_gmail::Memory;
use postrider_gmail_sim::{Deliver, MailboxSpec, World};
use postrider_sync_worker::engine::{Engine, Settings};
use postrider_sync_worker::store::mailboxes::due;
use postrider_testing::db::TestDb;
use postrider_testing::eventually;
use tokio::time::timeout;

use crate::gmail::{SimAccess, SimGmail};
use crate::harness::{Ids, database, engine_in, mirror, quick, within};

const MIB: usize = 1 << 20;
const SOON: Duration = Duration::from_secs(60);

struct Case {
    test: TestDb,
    world: World,
    ids: [Ids; 2],
    engine: Engine,
    memory: Memory,
}

/// Two empty mailboxes and one process that has a MiB for both.
async fn case(seed: u64, max_ahead_bytes: usize) -> Case {
    let test = database().await;
    let ids = [Ids::of(seed), Ids::of(seed + 1)];
    let world = World::new(seed, Arc::new(ids[0].clock.clone()));
    for ids in &ids {
        ids.connect(&test.db, &ids.address).await;
        world.create_mailbox(&MailboxSpec::new(ids.address.clone(), 0)).unwrap();
    }
    let (of, clock) = (world.clone(), ids[0].clock.clone());
    let access = SimAccess(Arc::new(move |leased| {
        let address = &leased.mailbox.google_sub;
        Some(SimGmail::new(of.clone(), address, clock.clone(), seed, 50))
    }));
    let memory = Memory::new(MIB);
    let settings = Settings { max_ahead_bytes, ..quick() };
    let engine = engine_in(&test.db, access, ids[0].seams.clone(), "one", settings, memory.clone());
    Case { test, world, ids, engine, memory }
}

impl Case {
    fn deliver(&self, which: usize, kib: usize) {
        let raw = Some([b"Subject: large\r\n\r\n".to_vec(), vec![b'x'; kib << 10]].concat());
        self.world.deliver(&self.ids[which].address, Deliver { raw, ..Deliver::default() }).unwrap();
    }

    async fn make_due(&self, which: usize) {
        let ids = &self.ids[which];
        let tx = self.test.db.tenant(&ids.tenant).await.unwrap();
        due::ask(&tx, ids.connector, postrider_domain::Clock::now(&ids.clock)).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn work(&self, which: usize) {
        while self.engine.run_mailbox(self.ids[which].connector).await.unwrap() {}
    }

    async fn mirrored(&self, which: usize) -> usize {
        mirror(&self.test.db, &self.ids[which].tenant, self.ids[which].connector).await.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_transaction_is_counted_and_live_mail_passes_it() {
    let case = case(61, 4 << 10).await;
    case.work(1).await;
    (0..20).for_each(|_| case.deliver(0, 300));
    // A first sync that stands still with mails fetched and not stored.
    let mut run = Box::pin(case.engine.run_mailbox(case.ids[0].connector));
    eventually("mails on their way", SOON, || {
        let ended = futures_util::FutureExt::now_or_never(within(run.as_mut(), 1)).flatten();
        assert!(ended.is_none(), "it ended before anybody looked");
        let many = case.memory.taken() >= 512 << 10;
        async move { many.then_some(()) }
    })
    .await;
    assert!(case.memory.taken() <= MIB / 4 * 3, "{} bytes for runs", case.memory.taken());
    // They are let go of when they are stored, and not before: nobody stores them.
    case.deliver(1, 200);
    case.make_due(1).await;
    timeout(SOON, case.work(1)).await.expect("live mail does not wait for a run");
    assert_eq!(case.mirrored(1).await, 1);
    assert!(case.memory.taken() >= 256 << 10, "{} bytes", case.memory.taken());
    timeout(SOON, run).await.expect("it goes on").unwrap();
    case.work(0).await;
    assert_eq!((case.mirrored(0).await, case.memory.taken()), (20, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_the_live_lane_that_hold_all_there_is_do_not_wait_for_each_other_for_ever() {
    let case = case(63, 8 << 20).await;
    for which in [0, 1] {
        case.work(which).await;
        (0..6).for_each(|_| case.deliver(which, 400));
        case.make_due(which).await;
    }
    // Each step holds its six mails until all are there: 2.4 MB, where there is one for both.
    timeout(SOON, async { tokio::join!(case.work(0), case.work(1)) }).await.expect("they wait for each other");
    assert_eq!([case.mirrored(0).await, case.mirrored(1).await], [6, 6]);
    assert_eq!(case.memory.taken(), 0);
}
