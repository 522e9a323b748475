//! Three replicas over two hundred mailboxes, each a runtime of its own: one of them dies without a word, and the others have
//! its mailboxes within the lease's time. Every change is applied once, whoever did it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postrider_domain::{Clock as _, ConnectorId, Seams, SystemClock};
use postrider_gmail_sim::{Deliver, MailboxSpec, Sizes, World};
use postrider_runtime::Context;
use postrider_sync_worker::jobs::due_scan;
use postrider_sync_worker::store::mailboxes::lease::LEASE_SECONDS;
use postrider_testing::db::TestDb;
use tokio::runtime::Runtime;

use crate::gmail::{SimAccess, SimGmail};
use crate::harness::{Ids, announced, database, engine, enqueue, ledger, mirror};

const MAILBOXES: u64 = 200;
const ROUNDS: usize = 4;

/// Which replica opened which mailboxes.
type Opened = Arc<Mutex<BTreeMap<&'static str, HashSet<ConnectorId>>>>;

/// A replica at work. It dies with this: its tasks stop where they are, and its leases stay.
struct Replica(Option<Runtime>);

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

struct Fleet {
    test: TestDb,
    all: Vec<Ids>,
    world: World,
    seams: Seams,
    opened: Opened,
}

impl Fleet {
    async fn new() -> Self {
        let test = database().await;
        let all: Vec<Ids> = (4_000..4_000 + MAILBOXES).map(Ids::of).collect();
        let world = World::new(11, Arc::new(SystemClock));
        for ids in &all {
            let spec = MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), 1) };
            world.create_mailbox(&spec).unwrap();
            ids.clock.set(SystemClock.now());
            ids.connect(&test.db, &format!("sub-{}", ids.address)).await;
        }
        Self { test, all, world, seams: Seams::system(), opened: Opened::default() }
    }

    /// A replica at work, with threads and connections of its own.
    fn start(&self, name: &'static str) -> Replica {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let gmails: HashMap<ConnectorId, SimGmail> =
            self.all.iter().map(|ids| (ids.connector, self.gmail(ids))).collect();
        let opened = self.opened.clone();
        let access = SimAccess(Arc::new(move |leased| {
            opened.lock().unwrap().entry(name).or_default().insert(leased.mailbox.connector);
            gmails.get(&leased.mailbox.connector).cloned()
        }));
        let entered = runtime.enter();
        let engine = engine(&self.test.replica(), access, self.seams.clone(), name);
        let cx = Context::for_tests();
        due_scan::start(&cx.tasks, &cx.shutdown, &engine);
        drop(entered);
        // Its tasks end with the runtime, not with the context.
        std::mem::forget(cx);
        Replica(Some(runtime))
    }

    fn gmail(&self, ids: &Ids) -> SimGmail {
        SimGmail::new(self.world.clone(), &ids.address, ids.clock.clone(), 11, 50)
    }

    /// A mail and its push for each mailbox. Returns the mails.
    async fn round(&self) -> Vec<(ConnectorId, String)> {
        let mut came = Vec::new();
        let mut pushes = Vec::new();
        for ids in &self.all {
            came.push((ids.connector, self.world.deliver(&ids.address, Deliver::default()).unwrap().to_string()));
            pushes.push(ids.push(self.world.visibility(&ids.address).unwrap().history_id));
        }
        enqueue(&self.test.db, &pushes, self.seams.clock.now()).await;
        came
    }

    /// Waits until every mirror is its mailbox.
    async fn current(&self, within: Duration) {
        let until = Instant::now() + within;
        for ids in &self.all {
            let left = until.saturating_duration_since(Instant::now());
            postrider_testing::eventually("every mailbox is current", left, || async {
                let truth = self.world.truth(&ids.address).unwrap();
                truth.keys().eq(mirror(&self.test.db, &ids.tenant, ids.connector).await.keys()).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_share_two_hundred_mailboxes_and_two_have_them_all_when_one_is_killed() {
    let fleet = Fleet::new().await;
    let names = ["one", "two", "three"];
    let [one, two, three] = names.map(|name| fleet.start(name));
    fleet.current(Duration::from_secs(120)).await;

    // Killed in the middle of a round, with leases in its hands.
    let mut came = Vec::new();
    for _ in 0..ROUNDS / 2 {
        came.extend(fleet.round().await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(three);
    let killed = Instant::now();
    let held = {
        let admin = fleet.test.admin().await;
        let text = "SELECT count(*) AS value FROM mailbox.mailboxes WHERE lease_owner = 'three'";
        let statement = postrider_storage::Statement::dynamic(text.to_owned());
        statement.get_result::<postrider_storage::Value<i64>>(&admin).await.unwrap().0
    };
    for _ in 0..ROUNDS / 2 {
        came.extend(fleet.round().await);
    }
    // The work of a round comes on top of the wait for the lease.
    fleet.current(Duration::from_secs_f64(LEASE_SECONDS) + Duration::from_secs(60)).await;
    let took = killed.elapsed();

    let shares: Vec<usize> = {
        let opened = fleet.opened.lock().unwrap();
        names.iter().map(|name| opened.get(name).map_or(0, HashSet::len)).collect()
    };
    println!(
        "mailboxes each replica worked on: {shares:?}; {held} were held by the dead one; all current after {took:?}"
    );
    assert!(shares.iter().all(|share| *share > fleet.all.len() / 10), "the work is spread: {shares:?}");

    for ids in &fleet.all {
        let told = announced(&fleet.test.db, ids.connector).await;
        let mails: Vec<&String> = came.iter().filter(|(to, _)| *to == ids.connector).map(|(_, mail)| mail).collect();
        assert!(mails.iter().all(|mail| told.get(*mail) == Some(&(1, 0))), "{}: {told:?}", ids.address);
        assert_eq!(told.len(), ROUNDS, "{}: {told:?}", ids.address);
        let [seen, applied, tombstoned, parked, waiting] = ledger(&fleet.test.db, &ids.tenant, ids.connector).await;
        assert_eq!((seen, parked, waiting), (applied + tombstoned, 0, 0), "{}", ids.address);
    }
    drop((one, two));
}
