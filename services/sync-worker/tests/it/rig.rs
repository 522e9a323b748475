//! One mailbox with a simulator and an engine that a test drives.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use postrider_contracts::mailbox::SyncFailed;
use postrider_contracts::{Event as _, streams};
use postrider_domain::{AccountStatus, Clock as _, RunId, RunKind};
use postrider_gmail_sim::mailbox::{Lag, LagScope, Quirks};
use postrider_gmail_sim::{Deliver, MailboxSpec, Sizes, World};
use postrider_storage::{Value, sql};
use postrider_sync_worker::engine::Engine;
use postrider_sync_worker::store::runs::{self, Request};
use postrider_testing::db::TestDb;

use crate::gmail::{SimAccess, SimGmail};
use crate::harness::{Ids, announced, database, engine, enqueue, ledger, mirror};
use crate::lanes::LanedGmail;

/// Generations and repairs there were, beside the first.
pub const GENERATIONS: &str = "SELECT (max(generation) - 1)::bigint AS value FROM mailboxes WHERE connector_id = $1";

/// A mailbox, its simulator and an engine over it.
pub struct Rig {
    pub test: TestDb,
    pub ids: Ids,
    pub world: World,
    pub gmail: SimGmail,
    pub engine: Engine,
}

pub async fn rig(seed: u64, mails: u32) -> Rig {
    rig_with_pages(seed, mails, 10).await
}

/// With listings and history in pages of this size.
pub async fn rig_with_pages(seed: u64, mails: u32, page: usize) -> Rig {
    let test = database().await;
    let ids = Ids::of(seed);
    ids.connect(&test.db, "sub").await;
    let world = World::new(seed, Arc::new(ids.clock.clone()));
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), mails) }).unwrap();
    let gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), seed, page);
    let behind = gmail.clone();
    let access = SimAccess(Arc::new(move |_| Some(behind.clone())));
    let engine = engine(&test.db, access, ids.seams.clone(), "one");
    Rig { test, ids, world, gmail, engine }
}

impl Rig {
    /// Works while anything is due, then lets an hour pass; `hours` times. Failures are part of it.
    pub async fn live_through(&self, hours: usize) {
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

    pub async fn mirrored(&self) -> Vec<String> {
        mirror(&self.test.db, &self.ids.tenant, self.ids.connector).await.into_keys().collect()
    }

    pub fn truth(&self) -> Vec<String> {
        self.world.truth(&self.ids.address).unwrap().into_keys().collect()
    }

    pub fn deliver(&self) -> String {
        self.world.deliver(&self.ids.address, Deliver::default()).unwrap().to_string()
    }

    pub async fn told_of_failures(&self) -> usize {
        let stream = streams::mailbox(self.ids.connector);
        let events = postrider_events::streams::read_events(&self.test.db, &stream, 0, 10_000).await.unwrap();
        events.iter().filter(|event| event.event_type == SyncFailed::TYPE).count()
    }

    pub async fn status(&self) -> AccountStatus {
        let tx = self.test.db.system().await.unwrap();
        sql("SELECT status AS value FROM mailboxes WHERE connector_id = $1")
            .bind(self.ids.connector)
            .get_result::<Value<AccountStatus>>(&tx)
            .await
            .unwrap()
            .0
    }
}

impl Rig {
    /// Works as long as anything is due.
    pub async fn work(&self) {
        while self.engine.run_mailbox(self.ids.connector).await.unwrap() {}
    }

    /// Lets time pass a second at a time, working at whatever is due.
    pub async fn live(&self, seconds: i64) {
        for _ in 0..seconds {
            self.ids.clock.advance(TimeDelta::seconds(1));
            self.work().await;
        }
    }

    pub fn head_runs_ahead(&self, span: TimeDelta, scope: LagScope) {
        self.world.set_quirks(&self.ids.address, Quirks { true_head: true, ..Quirks::default() }).unwrap();
        self.world.set_lag(&self.ids.address, Lag { span, scope }).unwrap();
    }

    pub async fn push(&self, id: u64) {
        enqueue(&self.test.db, &[self.ids.push(id)], self.ids.clock.now()).await;
    }

    /// From now on each lane of the engine can be refused by itself.
    pub fn tell_lanes_apart(&mut self) -> LanedGmail {
        let gmail = LanedGmail::new(self.gmail.clone());
        self.engine = engine(&self.test.db, gmail.clone(), self.ids.seams.clone(), "one");
        gmail
    }

    /// Somebody asks for a run.
    pub async fn asks_for(&self, kind: RunKind) {
        let (tenant, id) = (&self.ids.tenant, RunId(self.ids.seams.ids.uuid()));
        let request = Request { tenant, connector: self.ids.connector, id, kind, max_results: None };
        let mut tx = self.test.db.tenant(tenant).await.unwrap();
        runs::ask(&mut tx, &request, self.ids.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub fn head(&self) -> u64 {
        self.world.visibility(&self.ids.address).unwrap().history_id
    }

    pub async fn labels(&self) -> BTreeMap<String, Vec<String>> {
        let mirrored = mirror(&self.test.db, &self.ids.tenant, self.ids.connector).await;
        mirrored.into_iter().map(|(id, mail)| (id, mail.labels.into_iter().collect())).collect()
    }

    pub fn true_labels(&self) -> BTreeMap<String, Vec<String>> {
        let truth = self.world.truth(&self.ids.address).unwrap();
        truth.into_iter().map(|(id, mail)| (id, mail.labels.into_iter().collect())).collect()
    }

    pub async fn number(&self, sql_text: &'static str) -> i64 {
        let tx = self.test.db.tenant(&self.ids.tenant).await.unwrap();
        let count = sql(sql_text).bind(self.ids.connector).get_result::<Value<i64>>(&tx).await.unwrap();
        tx.commit().await.unwrap();
        count.0
    }

    /// Every mail there, every label right, every entry counted, each live mail told once.
    pub async fn is_right(&self, live: &[String]) {
        assert_eq!(self.labels().await, self.true_labels());
        let [seen, applied, tombstoned, parked, waiting] =
            ledger(&self.test.db, &self.ids.tenant, self.ids.connector).await;
        assert_eq!((seen, parked, waiting), (applied + tombstoned, 0, 0));
        let told = announced(&self.test.db, self.ids.connector).await;
        for id in live {
            assert_eq!(told.get(id).copied().unwrap_or_default(), (1, 0), "{id}");
        }
    }
}
