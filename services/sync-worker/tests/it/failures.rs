//! What fails by itself waits by itself: one mail, one run, one refusal must not stop a mailbox.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_contracts::mailbox::SyncFailed;
use postrider_contracts::{Event as _, streams};
use postrider_domain::{AccountStatus, Clock as _, EmailAddress, HistoryId};
use postrider_gmail_sim::{Deliver, MailboxSpec, Sizes, World};
use postrider_storage::{Value, sql};
use postrider_sync_worker::engine::Engine;
use postrider_sync_worker::store::mailboxes::{due, lease, news};
use postrider_sync_worker::store::queue::{self, Push};
use postrider_testing::db::TestDb;

use crate::gmail::{SimAccess, SimGmail};
use crate::harness::{Ids, database, engine, ledger, mirror, runs};

struct Rig {
    test: TestDb,
    ids: Ids,
    world: World,
    gmail: SimGmail,
    engine: Engine,
}

async fn rig(seed: u64, mails: u32) -> Rig {
    let test = database().await;
    let ids = Ids::of(seed);
    ids.connect(&test.db, "sub").await;
    let world = World::new(seed, Arc::new(ids.clock.clone()));
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), mails) }).unwrap();
    let gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), seed, 10);
    let behind = gmail.clone();
    let access = SimAccess(Arc::new(move |_| Some(behind.clone())));
    let engine = engine(&test.db, access, ids.seams.clone(), "one");
    Rig { test, ids, world, gmail, engine }
}

impl Rig {
    /// Works while anything is due, then lets an hour pass; `hours` times. Failures are part of it.
    async fn live_through(&self, hours: usize) {
        for _ in 0..hours {
            for _ in 0..20 {
                match self.engine.run_mailbox(self.ids.connector).await {
                    Ok(true) => {}
                    Ok(false) | Err(_) => break,
                }
            }
            self.ids.clock.advance(TimeDelta::hours(1));
        }
    }

    async fn mirrored(&self) -> Vec<String> {
        mirror(&self.test.db, &self.ids.tenant, self.ids.connector).await.into_keys().collect()
    }

    fn truth(&self) -> Vec<String> {
        self.world.truth(&self.ids.address).unwrap().into_keys().collect()
    }

    fn deliver(&self) -> String {
        self.world.deliver(&self.ids.address, Deliver::default()).unwrap().to_string()
    }

    async fn told_of_failures(&self) -> usize {
        let stream = streams::mailbox(self.ids.connector);
        let events = postrider_events::streams::read_events(&self.test.db, &stream, 0, 10_000).await.unwrap();
        events.iter().filter(|event| event.event_type == SyncFailed::TYPE).count()
    }

    async fn status(&self) -> AccountStatus {
        let tx = self.test.db.system().await.unwrap();
        sql("SELECT status AS value FROM mailboxes WHERE connector_id = $1")
            .bind(self.ids.connector)
            .get_result::<Value<AccountStatus>>(&tx)
            .await
            .unwrap()
            .0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_gmail_does_not_serve_is_parked_and_nothing_waits_for_it() {
    let rig = rig(21, 30).await;
    let old = rig.truth()[7].clone();
    rig.gmail.refusals.lock().unwrap().mails.push(old.clone());
    rig.live_through(5).await;
    let (_, _, states) = runs(&rig.test.db, &rig.ids.tenant, rig.ids.connector).await;
    assert_eq!(states, ["completed"], "the first sync ends without the one mail");
    assert_eq!(rig.mirrored().await.len(), 29);

    let new = rig.deliver();
    rig.gmail.refusals.lock().unwrap().mails.push(new.clone());
    let after = rig.deliver();
    rig.live_through(5).await;
    let mirrored = rig.mirrored().await;
    assert!(mirrored.contains(&after) && !mirrored.contains(&new), "the mail behind the broken one came");
    let [seen, applied, tombstoned, parked, waiting] = ledger(&rig.test.db, &rig.ids.tenant, rig.ids.connector).await;
    assert_eq!((seen, parked), (applied + tombstoned + parked, waiting));
    assert!(parked > 0);

    // Served again, both come by themselves.
    rig.gmail.refusals.lock().unwrap().mails.clear();
    rig.live_through(60).await;
    assert_eq!(rig.mirrored().await, rig.truth());
    let [.., parked, waiting] = ledger(&rig.test.db, &rig.ids.tenant, rig.ids.connector).await;
    assert_eq!((parked, waiting), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_whose_page_token_died_begins_again() {
    let rig = rig(22, 30).await;
    rig.gmail.listing.lock().unwrap().breaks = true;
    rig.live_through(1).await;
    rig.world.expire_page_tokens(&rig.ids.address).unwrap();
    rig.gmail.listing.lock().unwrap().breaks = false;
    rig.live_through(2).await;
    assert_eq!(rig.mirrored().await, rig.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_waits_longer_each_time_and_is_told_once_while_live_mail_flows() {
    let rig = rig(23, 30).await;
    rig.gmail.listing.lock().unwrap().breaks = true;
    rig.live_through(1).await;
    for failures in 2..=8 {
        let new = rig.deliver();
        rig.live_through(1).await;
        assert!(rig.mirrored().await.contains(&new), "live mail beside failure {failures}");
        assert_eq!(rig.told_of_failures().await, usize::from(failures >= 5), "failure {failures}");
    }
    assert_eq!(rig.status().await, AccountStatus::Active);
    // Right after a failure the run is left alone.
    assert!(rig.engine.run_mailbox(rig.ids.connector).await.unwrap());
    assert!(!rig.engine.run_mailbox(rig.ids.connector).await.unwrap());
    rig.gmail.listing.lock().unwrap().breaks = false;
    rig.live_through(2).await;
    assert_eq!(rig.mirrored().await, rig.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_an_outage_until_connector_says_otherwise() {
    let rig = rig(24, 10).await;
    rig.live_through(1).await;
    rig.gmail.refusals.lock().unwrap().tokens = true;
    let new = rig.deliver();
    rig.live_through(3).await;
    assert_eq!(rig.status().await, AccountStatus::Active);
    rig.gmail.refusals.lock().unwrap().tokens = false;
    rig.live_through(2).await;
    assert!(rig.mirrored().await.contains(&new));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_does_not_shorten_the_wait_after_a_failure() {
    let rig = rig(26, 5).await;
    rig.live_through(1).await;
    rig.gmail.refusals.lock().unwrap().tokens = true;
    let new = rig.deliver();
    assert!(rig.engine.run_mailbox(rig.ids.connector).await.is_err());
    rig.gmail.refusals.lock().unwrap().tokens = false;
    let push = Push {
        seed: rig.ids.seams.ids.uuid(),
        address_key: EmailAddress::parse(&rig.ids.address).unwrap().lookup_key(),
        history_id: HistoryId(1),
        source_message_id: "push".to_owned(),
        source: "pubsub".to_owned(),
        published_at: None,
        trace: None,
    };
    let mut tx = rig.test.db.system().await.unwrap();
    let marked = queue::enqueue(&mut tx, &[push], rig.ids.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(marked, [rig.ids.connector]);
    assert!(!rig.engine.run_mailbox(rig.ids.connector).await.unwrap(), "held back");
    rig.ids.clock.advance(TimeDelta::seconds(6));
    assert!(rig.engine.run_mailbox(rig.ids.connector).await.unwrap());
    assert!(rig.mirrored().await.contains(&new));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_verdict_does_not_override_what_connector_said_since() {
    let rig = rig(25, 1).await;
    let (db, ids) = (&rig.test.db, &rig.ids);
    let mut tx = db.system().await.unwrap();
    let leased = due::acquire(&mut tx, "one", ids.connector, ids.clock.now()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let guard = leased.mailbox.guard();
    let mut tx = db.tenant(&ids.tenant).await.unwrap();
    news::apply_account(&mut tx, &ids.active(2, "sub"), ids.clock.now()).await.unwrap();
    assert!(!lease::park(&mut tx, &guard, AccountStatus::Paused, "connector_paused", ids.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(rig.status().await, AccountStatus::Active);
}
