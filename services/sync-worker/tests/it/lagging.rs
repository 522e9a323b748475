//! A Gmail that names its newest history id before it shows the records, shows later ones before earlier ones, and
//! answers from replicas that are behind: it costs time, never mail.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use postrider_gmail::Lane;
use postrider_gmail_sim::mailbox::{LagScope, Quirks};
use postrider_gmail_sim::{Deliver, MsgId};

use crate::harness::{announced, ledger};
use crate::rig::{GENERATIONS, rig};

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
    let gmail = rig.tell_lanes_apart();
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
