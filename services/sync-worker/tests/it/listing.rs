//! Law 4: only a complete listing may delete, and only what Gmail itself then answers 404 for.

use std::sync::Arc;

use postrider_domain::{Clock as _, RunId, RunKind};
use postrider_gmail_sim::mailbox::Quirks;
use postrider_gmail_sim::{MailboxSpec, Sizes, World};
use postrider_storage::Db;
use postrider_sync_worker::engine::Engine;
use postrider_sync_worker::store::runs::{self, Request};

use crate::gmail::{SimAccess, SimGmail};
use crate::harness::{Ids, database, engine, mirror};

async fn ask_for_a_full_run(db: &Db, ids: &Ids) {
    let mut tx = db.tenant(&ids.tenant).await.unwrap();
    let run = RunId(ids.seams.ids.uuid());
    let request =
        Request { tenant: &ids.tenant, connector: ids.connector, id: run, kind: RunKind::Full, max_results: None };
    runs::enqueue(&mut tx, &request, ids.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn settle(engine: &Engine, ids: &Ids) {
    while engine.run_mailbox(ids.connector).await.unwrap() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_broken_nor_a_forgetful_listing_deletes_a_mail() {
    let test = database().await;
    let ids = Ids::of(8);
    ids.connect(&test.db, "sub").await;
    let world = World::new(8, Arc::new(ids.clock.clone()));
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), 40) }).unwrap();
    let gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), 8, 10);
    let behind = gmail.clone();
    let access = SimAccess(Arc::new(move |_| Some(behind.clone())));
    let engine = engine(&test.db, access, ids.seams.clone(), "one");
    settle(&engine, &ids).await;
    let all: Vec<String> = world.truth(&ids.address).unwrap().into_keys().collect();
    let mirrored = async || mirror(&test.db, &ids.tenant, ids.connector).await.into_keys().collect::<Vec<_>>();
    assert_eq!(mirrored().await, all);

    // The listing forgets a tenth of the mailbox, twice. Asked, Gmail has every one of them.
    gmail.listing.lock().unwrap().hides = all.iter().take(4).cloned().collect();
    ask_for_a_full_run(&test.db, &ids).await;
    settle(&engine, &ids).await;
    assert_eq!(mirrored().await, all);

    // Two mails are gone and history no longer says so; the listing that would tell never ends.
    gmail.listing.lock().unwrap().hides.clear();
    gmail.listing.lock().unwrap().breaks = true;
    for gone in all.iter().take(2) {
        world.delete(&ids.address, gone.parse().unwrap()).unwrap();
    }
    world.expire_history(&ids.address, 0).unwrap();
    ask_for_a_full_run(&test.db, &ids).await;
    settle(&engine, &ids).await;
    assert_eq!(mirrored().await, all);

    // It ends: exactly these two go.
    gmail.listing.lock().unwrap().breaks = false;
    ids.clock.advance(chrono::TimeDelta::hours(1));
    settle(&engine, &ids).await;
    assert_eq!(mirrored().await, all[2..].to_vec());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_that_lies_is_neither_a_bound_nor_a_total() {
    let rig = crate::rig::rig(10, 120).await;
    let lies = Quirks { wrong_estimate: 1.0, ..Quirks::default() };
    rig.world.set_quirks(&rig.ids.address, lies).unwrap();
    rig.work().await;
    assert_eq!(rig.mirrored().await, rig.truth());
    let totals = "SELECT total_estimate AS value FROM sync_runs WHERE connector_id = $1";
    assert_eq!(rig.number(totals).await, 120);
    // Also where a listing deletes.
    for gone in rig.truth().iter().take(3) {
        rig.world.delete(&rig.ids.address, gone.parse().unwrap()).unwrap();
    }
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.live_through(2).await;
    assert_eq!(rig.mirrored().await, rig.truth());
    assert_eq!(rig.number("SELECT max(total_estimate) AS value FROM sync_runs WHERE connector_id = $1").await, 120);
}
