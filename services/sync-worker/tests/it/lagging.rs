//! A Gmail that names its newest history id before it shows the records, shows later ones before earlier ones, and
//! answers from replicas that are behind: it costs time, never mail.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use postrider_domain::RunKind;
use postrider_gmail::{GmailError, Lane};
use postrider_gmail_sim::mailbox::{LagScope, Quirks};
use postrider_gmail_sim::{Deliver, MsgId};

use crate::harness::{announced, engine, ledger};
use crate::lanes::LanedGmail;
use crate::rig::{Rig, rig};

/// Generations and repairs there were, beside the first.
const GENERATIONS: &str = "SELECT (max(generation) - 1)::bigint AS value FROM mailboxes WHERE connector_id = $1";
const PARKED: &str = "SELECT count(*) AS value FROM parked_changes WHERE connector_id = $1";

#[tokio::test(flavor = "multi_thread")]
async fn with_a_head_ahead_of_its_records_every_pushed_mail_comes_once_and_soon() {
    let rig = rig(41, 12).await;
    rig.work().await;
    rig.head_runs_ahead(TimeDelta::milliseconds(1_500), LagScope::NewMail);
    let mut live = Vec::new();
    for n in 0..40 {
        live.push(rig.deliver());
        rig.push(rig.head()).await;
        rig.live(1 + n % 3).await;
    }
    // The looks at +2 and +5 s after the last push.
    rig.live(5).await;
    rig.is_right(&live).await;
    assert_eq!(rig.number(GENERATIONS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_hidden_behind_later_ones_is_met_when_it_comes_to_light() {
    let rig = rig(42, 12).await;
    rig.work().await;
    rig.head_runs_ahead(TimeDelta::zero(), LagScope::NewMail);
    // New mail hidden for nearly ten minutes, under later ones that are seen at once and settle nothing.
    let quirks = Quirks { true_head: true, late_record: 1.0, late_ms: 590_000, ..Quirks::default() };
    rig.world.set_quirks(&rig.ids.address, quirks).unwrap();
    let mut live: Vec<String> = (0..5).map(|_| rig.deliver()).collect();
    rig.head_runs_ahead(TimeDelta::zero(), LagScope::NewMail);
    for _ in 0..12 {
        live.push(rig.deliver());
        rig.push(rig.head()).await;
        rig.work().await;
        rig.ids.clock.advance(TimeDelta::minutes(1));
    }
    rig.live_through(2).await;
    rig.is_right(&live).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_record_that_comes_to_light_behind_a_later_one_counts() {
    let rig = rig(43, 12).await;
    rig.work().await;
    let id: MsgId = rig.truth()[3].parse().unwrap();
    let late = Quirks { true_head: true, late_record: 1.0, late_ms: 60_000, ..Quirks::default() };
    for (first, second) in [(&["STARRED"], &["IMPORTANT"]), (&["UNREAD"], &["SENT"])] {
        rig.world.set_quirks(&rig.ids.address, late).unwrap();
        rig.world.relabel(&rig.ids.address, &[id], first, &[]).unwrap();
        rig.head_runs_ahead(TimeDelta::zero(), LagScope::Everything);
        rig.world.relabel(&rig.ids.address, &[id], second, &["INBOX"]).unwrap();
        rig.push(rig.head()).await;
        rig.work().await;
        rig.live(65).await;
        rig.is_right(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_just_before_a_boundary_is_found_by_the_look_back() {
    let rig = rig(44, 12).await;
    rig.head_runs_ahead(TimeDelta::seconds(20), LagScope::Everything);
    let truth = rig.truth();
    let new = rig.deliver();
    rig.world.trash(&rig.ids.address, truth[0].parse().unwrap()).unwrap();
    rig.world.delete(&rig.ids.address, truth[1].parse().unwrap()).unwrap();
    rig.ids.clock.advance(TimeDelta::seconds(1));
    // The boundary is ahead of all three; listing and fetches do not show them.
    rig.work().await;
    assert!(!rig.mirrored().await.contains(&new));
    assert_eq!(
        rig.number("SELECT count(*) AS value FROM sync_runs WHERE connector_id = $1 AND state = 'completed'").await,
        1
    );
    rig.live_through(2).await;
    rig.is_right(&[]).await;
    let told = announced(&rig.test.db, rig.ids.connector).await;
    assert!(!told.contains_key(&new), "it was there before the mailbox was connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_mail_that_a_record_only_names_is_mirrored_told_and_counted() {
    let rig = rig(45, 12).await;
    rig.work().await;
    rig.world.set_quirks(&rig.ids.address, Quirks { bare_added: 1.0, ..Quirks::default() }).unwrap();
    let live: Vec<String> = (0..6).map(|_| rig.deliver()).collect();
    rig.push(rig.head()).await;
    rig.work().await;
    rig.is_right(&live).await;
    let [seen, ..] = ledger(&rig.test.db, &rig.ids.tenant, rig.ids.connector).await;
    assert_eq!(seen, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_without_a_source_holds_nobody_and_comes_when_it_is_served() {
    let rig = rig(46, 12).await;
    rig.work().await;
    let quirks = Quirks { no_raw: 1.0, unready_ms: 60_000, ..Quirks::default() };
    rig.world.set_quirks(&rig.ids.address, quirks).unwrap();
    let labels = Some(vec!["CHAT".to_owned()]);
    let chat = rig.world.deliver(&rig.ids.address, Deliver { labels, ..Deliver::default() }).unwrap().to_string();
    let beside = rig.deliver();
    rig.push(rig.head()).await;
    // No time passes: the mail beside the chat is there at once.
    rig.work().await;
    assert!(rig.mirrored().await.contains(&beside) && !rig.mirrored().await.contains(&chat));
    rig.live(90).await;
    rig.is_right(&[beside]).await;
    assert!(!announced(&rig.test.db, rig.ids.connector).await.contains_key(&chat));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_go_back_for_days_neither_loop_nor_hide_later_records() {
    let rig = rig(47, 12).await;
    rig.work().await;
    rig.live_through(1).await;
    let mut live = vec![rig.deliver()];
    rig.work().await;
    rig.world.history_back(&rig.ids.address, TimeDelta::days(3), true).unwrap();
    for hour in 0..48 {
        live.push(rig.deliver());
        let id = live[hour / 2].parse().unwrap();
        rig.world.relabel(&rig.ids.address, &[id], &["STARRED"], &["UNREAD"]).unwrap();
        rig.push(rig.head()).await;
        rig.work().await;
        rig.live(65).await;
        rig.live_through(1).await;
    }
    assert_eq!(rig.labels().await, rig.true_labels());
    assert_eq!(rig.number(GENERATIONS).await, 1, "one new generation, and no relearning after it");
    rig.live_through(48).await;
    // The first mail after the ids changed was found by listing, not by a record: nobody was told of it.
    rig.is_right(&live[2..]).await;
    assert!(rig.number(GENERATIONS).await <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_id_far_beyond_the_mailbox_moves_nothing_and_costs_the_early_looks() {
    let rig = rig(48, 12).await;
    rig.live_through(1).await;
    let before = rig.number("SELECT settled AS value FROM mailboxes WHERE connector_id = $1").await;
    let epochs = "SELECT epoch AS value FROM mailboxes WHERE connector_id = $1";
    let looks = rig.number(epochs).await;
    rig.push(u64::MAX / 4).await;
    rig.work().await;
    rig.live(120).await;
    assert!(rig.number(epochs).await - looks <= 5, "one look at once, four on schedule");
    let head = i64::try_from(rig.head()).unwrap();
    let settled = rig.number("SELECT settled AS value FROM mailboxes WHERE connector_id = $1").await;
    assert!(before <= settled && settled <= head);
    assert_eq!(rig.number(GENERATIONS).await, 0);
    assert_eq!(rig.number("SELECT count(*) AS value FROM sync_runs WHERE connector_id = $1").await, 1);
    let new = rig.deliver();
    rig.push(rig.head()).await;
    rig.work().await;
    rig.is_right(&[new]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_404_of_history_is_asked_again_before_it_is_believed() {
    let rig = rig(49, 12).await;
    rig.live_through(1).await;
    rig.world.deliver(&rig.ids.address, Deliver::default()).unwrap();
    rig.world.expire_history(&rig.ids.address, 0).unwrap();
    rig.push(rig.head()).await;
    rig.work().await;
    assert_eq!(rig.number(GENERATIONS).await, 0);
    rig.live(59).await;
    assert_eq!(rig.number(GENERATIONS).await, 0);
    rig.live(2).await;
    assert_eq!(rig.number(GENERATIONS).await, 1);
    rig.live_through(2).await;
    rig.is_right(&[]).await;
}

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
    let gmail = LanedGmail::new(rig.gmail.clone());
    rig.engine = engine(&rig.test.db, gmail.clone(), rig.ids.seams.clone(), "one");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_labels_is_mirrored_with_none() {
    let rig = rig(50, 12).await;
    rig.work().await;
    let labels = Some(vec!["INBOX".to_owned()]);
    let archived = rig.world.deliver(&rig.ids.address, Deliver { labels, ..Deliver::default() }).unwrap();
    let bare = rig.world.deliver(&rig.ids.address, Deliver { labels: Some(Vec::new()), ..Deliver::default() }).unwrap();
    rig.push(rig.head()).await;
    rig.work().await;
    rig.world.relabel(&rig.ids.address, &[archived], &[], &["INBOX"]).unwrap();
    rig.push(rig.head()).await;
    rig.work().await;
    let labels = rig.labels().await;
    assert_eq!((labels[&archived.to_string()].len(), labels[&bare.to_string()].len()), (0, 0));
    let folders =
        "SELECT count(*) AS value FROM emails WHERE connector_id = $1 AND label_ids = '{}' AND folder = 'All Mail'";
    assert_eq!(rig.number(folders).await, 2);
}

/// While the labels' listings are read one after the other, mail comes and moves between them.
#[tokio::test(flavor = "multi_thread")]
async fn what_moves_between_labels_while_they_are_listed_is_neither_skipped_nor_makes_them_start_over() {
    let mut rig = rig(48, 40).await;
    let (world, address) = (rig.world.clone(), rig.ids.address.clone());
    let gmail = LanedGmail::new(rig.gmail.clone());
    rig.engine = engine(&rig.test.db, gmail.clone(), rig.ids.seams.clone(), "one");
    rig.work().await;
    let inbox: Vec<MsgId> = rig
        .true_labels()
        .into_iter()
        .filter(|(_, labels)| labels.iter().any(|label| label == "INBOX"))
        .map(|(id, _)| id.parse().unwrap())
        .collect();
    let came = Arc::new(Mutex::new(Vec::new()));
    let (arrivals, moving) = (came.clone(), inbox.clone());
    gmail.refuse(move |lane, call| {
        if lane == Lane::Repair && call < 8 {
            // Into a label that was listed before, out of one that is to come; each before and after its fetch.
            let labels = Some(vec!["INBOX".to_owned(), "STARRED".to_owned()]);
            arrivals.lock().unwrap().push(world.deliver(&address, Deliver { labels, ..Deliver::default() }).unwrap());
            if let Some(id) = moving.get(call as usize) {
                world.relabel(&address, &[*id], &["STARRED"], &["INBOX"]).unwrap();
            }
        }
        None
    });
    rig.ids.clock.advance(TimeDelta::minutes(11));
    rig.work().await;
    let listings = gmail.calls(Lane::Repair);
    assert!(listings > 8, "{listings}: they were listed");
    // What came last has a record; the next poll shows it.
    rig.live_through(2).await;
    assert_eq!(came.lock().unwrap().len(), 8);
    assert_eq!(rig.labels().await, rig.true_labels());
    // Six labels and the mailbox, in pages of ten; differences are fetched, no listing is begun again.
    assert!(listings <= 7 * 6 + 16, "{listings} calls");
}
