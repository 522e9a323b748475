//! One mailbox with a simulator and an engine that a test drives.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_contracts::mailbox::SyncFailed;
use postrider_contracts::{Event as _, streams};
use postrider_domain::AccountStatus;
use postrider_gmail_sim::{Deliver, MailboxSpec, Sizes, World};
use postrider_storage::{Value, sql};
use postrider_sync_worker::engine::Engine;
use postrider_testing::db::TestDb;

use crate::gmail::{SimAccess, SimGmail};
use crate::harness::{Ids, database, engine, mirror};

/// A mailbox, its simulator and an engine over it.
pub struct Rig {
    pub test: TestDb,
    pub ids: Ids,
    pub world: World,
    pub gmail: SimGmail,
    pub engine: Engine,
}

pub async fn rig(seed: u64, mails: u32) -> Rig {
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
