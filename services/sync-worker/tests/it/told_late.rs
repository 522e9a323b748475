//! What came around a history that broke off, and that no record told of in time: it is told once, whoever finds it.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use postrider_domain::RunKind;
use postrider_gmail::{GmailError, Lane};
use postrider_gmail_sim::Deliver;
use postrider_gmail_sim::mailbox::{LagScope, Quirks};

use crate::harness::announced;
use crate::lanes::LanedGmail;
use crate::rig::{GENERATIONS, Rig, rig};

const PARKED: &str = "SELECT count(*) AS value FROM parked_changes WHERE connector_id = $1";

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_a_new_history_is_certain_is_told_though_its_record_only_names_it() {
    let rig = rig(52, 12).await;
    rig.live_through(1).await;
    rig.work().await;
    rig.world.recreate(&rig.ids.address, 7, None).unwrap();
    rig.world.set_quirks(&rig.ids.address, Quirks { bare_added: 1.0, ..Quirks::default() }).unwrap();
    // The ids went back: that is believed a minute later, or when somebody looks again.
    rig.push(rig.head()).await;
    rig.work().await;
    assert_eq!(rig.number(GENERATIONS).await, 0);
    rig.ids.clock.advance(TimeDelta::seconds(30));
    let live = rig.deliver();
    rig.ids.clock.advance(TimeDelta::hours(2));
    rig.push(rig.head()).await;
    rig.work().await;
    assert_eq!(rig.number(GENERATIONS).await, 1);
    rig.live_through(2).await;
    rig.is_right(&[live]).await;
}

/// The last look that came to its end was made while the mail was hidden.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_look_showed_before_the_history_was_gone_is_told() {
    let rig = rig(53, 12).await;
    rig.live_through(1).await;
    rig.head_runs_ahead(TimeDelta::minutes(9), LagScope::Everything);
    let live = rig.deliver();
    rig.ids.clock.advance(TimeDelta::seconds(30));
    rig.push(rig.head()).await;
    rig.work().await;
    assert!(!rig.mirrored().await.contains(&live));
    rig.ids.clock.advance(TimeDelta::hours(2));
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.push(rig.head()).await;
    rig.work().await;
    rig.live_through(2).await;
    assert_eq!(rig.number(GENERATIONS).await, 1);
    rig.is_right(&[live]).await;
}

/// A mailbox whose history is gone, not yet for certain, and a mail of it that a run stored though no look showed it.
async fn stored_by_a_run_alone(seed: u64) -> (Rig, String) {
    let mut rig = rig(seed, 12).await;
    let (world, address) = (rig.world.clone(), rig.ids.address.clone());
    let gmail = rig.tell_lanes_apart();
    rig.live_through(1).await;
    rig.world.deliver(&rig.ids.address, Deliver::default()).unwrap();
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.push(rig.head()).await;
    rig.work().await;
    rig.world.set_quirks(&rig.ids.address, Quirks { bare_added: 1.0, ..Quirks::default() }).unwrap();
    let came = Arc::new(Mutex::new(None));
    let arrival = came.clone();
    gmail.refuse(move |lane, call| {
        let mut came = arrival.lock().unwrap();
        // Before the first page of the listing.
        if (lane, call) == (Lane::Asked, 1) {
            *came = Some(world.deliver(&address, Deliver::default()).unwrap().to_string());
        }
        let refused = came.is_some() && lane == Lane::Live;
        refused.then(|| GmailError::transient("no look after it came"))
    });
    rig.asks_for(RunKind::Full).await;
    rig.live_through(1).await;
    gmail.refuse(|_, _| None);
    let live = came.lock().unwrap().take().unwrap();
    let stored = rig.mirrored().await.contains(&live);
    let told = announced(&rig.test.db, rig.ids.connector).await.contains_key(&live);
    assert_eq!((stored, told, rig.number(GENERATIONS).await), (true, false, 0));
    (rig, live)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_stored_before_a_new_history_is_certain_is_told_when_its_record_names_it() {
    let (rig, live) = stored_by_a_run_alone(54).await;
    rig.ids.clock.advance(TimeDelta::hours(2));
    rig.push(rig.head()).await;
    rig.work().await;
    assert_eq!(rig.number(GENERATIONS).await, 1);
    rig.live_through(2).await;
    rig.is_right(&[live]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_stored_and_whose_record_is_lost_is_told_by_the_repair() {
    let (rig, live) = stored_by_a_run_alone(56).await;
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.ids.clock.advance(TimeDelta::hours(2));
    rig.push(rig.head()).await;
    rig.work().await;
    rig.live_through(3).await;
    assert!(rig.number(GENERATIONS).await > 0);
    rig.is_right(&[live]).await;
}

/// The listings of a repair name it, a fetch answers 404 for a while, and its record lies before the boundary.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_repair_could_not_fetch_is_told_when_it_is_served() {
    let rig = rig(57, 12).await;
    rig.live_through(2).await;
    let lost = rig.deliver();
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.head_runs_ahead(TimeDelta::minutes(9), LagScope::NewMail);
    let live = rig.deliver();
    rig.push(rig.head()).await;
    rig.work().await;
    rig.live(62).await;
    assert_eq!((rig.number(GENERATIONS).await, rig.number(PARKED).await), (1, 1));
    rig.live_through(2).await;
    rig.is_right(&[lost, live]).await;
}

/// It came just before the history was found to be gone, and the listings of the repair did not show it yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_repair_did_not_show_is_told_by_the_look_back() {
    let rig = rig(55, 12).await;
    rig.live_through(2).await;
    let lost = rig.deliver();
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.head_runs_ahead(TimeDelta::minutes(9), LagScope::Everything);
    let live = rig.deliver();
    rig.push(rig.head()).await;
    rig.work().await;
    rig.live(62).await;
    let repairs =
        "SELECT count(*) AS value FROM sync_runs WHERE connector_id = $1 AND kind = 'repair' AND state = 'completed'";
    assert_eq!((rig.number(GENERATIONS).await, rig.number(repairs).await), (1, 1));
    assert!(!rig.mirrored().await.contains(&live));
    rig.live_through(2).await;
    rig.is_right(&[lost, live]).await;
}

/// A mailbox whose history broke off, and mails of the gap: the repair that is to find them gets no answer.
async fn gap_without_a_repair(seed: u64) -> (Rig, LanedGmail, Vec<String>) {
    let mut rig = rig(seed, 12).await;
    let gmail = rig.tell_lanes_apart();
    rig.live_through(1).await;
    rig.ids.clock.advance(TimeDelta::hours(24));
    let lost = (0..3).map(|_| rig.deliver()).collect();
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.ids.clock.advance(TimeDelta::hours(24));
    gmail.refuse(|lane, _| (lane == Lane::Repair).then(|| GmailError::transient("no listing yet")));
    rig.live_through(3).await;
    assert_eq!(rig.number(GENERATIONS).await, 1);
    (rig, gmail, lost)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_takes_the_place_of_another_tells_what_both_gaps_held() {
    let (rig, gmail, mut lost) = gap_without_a_repair(58).await;
    rig.ids.clock.advance(TimeDelta::hours(2));
    lost.push(rig.deliver());
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.live_through(3).await;
    assert_eq!(rig.number(GENERATIONS).await, 2);
    gmail.refuse(|_, _| None);
    rig.live_through(2).await;
    rig.is_right(&lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_of_a_gap_is_told_though_a_record_of_its_labels_brings_it_before_the_repair() {
    let (rig, gmail, lost) = gap_without_a_repair(59).await;
    rig.world.relabel(&rig.ids.address, &[lost[1].parse().unwrap()], &["STARRED"], &[]).unwrap();
    rig.push(rig.head()).await;
    rig.live_through(1).await;
    assert!(rig.mirrored().await.contains(&lost[1]));
    gmail.refuse(|_, _| None);
    rig.live_through(2).await;
    rig.is_right(&lost).await;
    // What was there before the mailbox was connected is none.
    let told = announced(&rig.test.db, rig.ids.connector).await;
    assert_eq!(told.len(), lost.len());
}
