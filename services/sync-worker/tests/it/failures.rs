//! What fails by itself waits by itself: one mail, one run, one refusal must not stop a mailbox.

use chrono::TimeDelta;
use postrider_domain::{AccountStatus, Clock as _, EmailAddress, HistoryId};
use postrider_sync_worker::store::mailboxes::{due, lease, news};
use postrider_sync_worker::store::queue::{self, Push};

use crate::harness::{ledger, runs};
use crate::rig::rig;

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
    let tx = rig.test.db.system().await.unwrap();
    let marked = queue::enqueue(&tx, &[push], rig.ids.clock.now()).await.unwrap();
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
