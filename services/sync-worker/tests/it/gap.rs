//! A gap in the history costs what changed in it, and listings.
//!
//! CI tries a small mailbox. `GAP_MAILS=100000 cargo nextest run -p postrider-sync-worker -E 'test(gap::)' --no-capture` tries
//! a large one.

#![expect(clippy::disallowed_methods, reason = "how large the trial is, asked for by hand")]

use chrono::TimeDelta;
use postrider_domain::Clock as _;
use postrider_gmail_sim::{Deliver, MsgId};

use crate::harness::announced;
use crate::rig::rig_with_pages;

/// Of so many mails one is changed in the gap.
const RARE: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_repaired_for_a_twentieth_of_what_all_mails_cost() {
    let mails = std::env::var("GAP_MAILS").map_or(1_500, |mails| mails.parse().unwrap());
    let rig = rig_with_pages(95, mails, 500).await;
    rig.work().await;
    rig.live_through(1).await;
    let whole = rig.gmail.units();
    assert!(whole >= u64::from(mails) * 20, "all mails were fetched");
    let truth = rig.truth();
    let changed: Vec<MsgId> = truth.iter().step_by(RARE).map(|id| id.parse().unwrap()).collect();
    for (n, id) in changed.iter().enumerate() {
        let address = &rig.ids.address;
        match n % 4 {
            0 => rig.world.relabel(address, &[*id], &["STARRED"], &["UNREAD"]).unwrap(),
            1 => rig.world.trash(address, *id).unwrap(),
            2 => rig.world.delete(address, *id).unwrap(),
            _ => drop(rig.world.deliver(address, Deliver::default()).unwrap()),
        }
    }
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    let before = rig.gmail.units();
    // The 404 is asked for again before it is believed.
    for _ in 0..6 {
        while rig.engine.run_mailbox(rig.ids.connector).await.unwrap() {}
        rig.ids.clock.advance(TimeDelta::minutes(1));
    }
    let runs =
        "SELECT count(*) AS value FROM sync_runs WHERE connector_id = $1 AND kind = 'repair' AND state = 'completed'";
    assert_eq!(rig.number(runs).await, 1);
    let spent = rig.gmail.units() - before;
    assert_eq!(rig.labels().await, rig.true_labels());
    let share = spent as f64 / whole as f64;
    println!("{mails} mails, {} changed: {spent} units of {whole}, {:.2} %", changed.len(), share * 100.0);
    assert!(share <= 0.05, "{spent} of {whole} units");
    let fetched =
        rig.number("SELECT fetched AS value FROM sync_runs WHERE connector_id = $1 AND kind = 'repair'").await;
    assert!(fetched <= 2 * i64::try_from(changed.len()).unwrap(), "{fetched} were asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_came_in_a_gap_is_told_once_up_to_fifty_and_older_mail_is_not() {
    let rig = rig_with_pages(97, 20, 500).await;
    rig.live_through(2).await;
    let imported = Deliver { internal_date: Some(rig.ids.clock.now() - TimeDelta::days(30)), ..Deliver::default() };
    let old = rig.world.deliver(&rig.ids.address, imported).unwrap().to_string();
    let mut came = Vec::new();
    for _ in 0..60 {
        rig.ids.clock.advance(TimeDelta::seconds(30));
        came.push(rig.deliver());
    }
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.live_through(2).await;
    let live = rig.deliver();
    rig.push(rig.head()).await;
    rig.live_through(3).await;
    let runs = "SELECT announced AS value FROM sync_runs WHERE connector_id = $1 AND kind = 'repair'";
    assert_eq!(rig.number(runs).await, 50);
    let untold = "SELECT sum(untold)::bigint AS value FROM sync_runs WHERE connector_id = $1";
    assert_eq!(rig.number(untold).await, 10, "a number for the rest");
    let told = announced(&rig.test.db, rig.ids.connector).await;
    let told_once = |id: &String| told.get(id) == Some(&(1, 0));
    // The newest ones, but for those that were fetched beside each other: ten of sixty are in the feed as a batch alone.
    assert!(came.iter().skip(14).all(told_once), "{told:?}");
    assert!(!came.iter().take(6).any(|id| told.contains_key(id)), "{told:?}");
    assert!(told_once(&live) && !told.contains_key(&old), "{told:?}");
    assert_eq!(told.len(), 51, "nothing of the first sync");
    assert_eq!(rig.labels().await, rig.true_labels());
}
