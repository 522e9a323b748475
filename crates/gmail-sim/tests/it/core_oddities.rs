//! Each oddity shows, and ends.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use postrider_gmail_sim::world::{Gap, Lag, LagScope, Quirks};
use postrider_gmail_sim::{Deliver, ListQuery, MsgId, World};

use crate::replay::{ADDRESS, list_all, patient, records, truth, world};

fn quirks(world: &World, quirks: Quirks) {
    world.set_quirks(ADDRESS, quirks).unwrap();
}

fn head(world: &World) -> u64 {
    world.profile(ADDRESS).unwrap().history_id
}

fn deliver(world: &World) -> MsgId {
    world.deliver(ADDRESS, Deliver::default()).unwrap()
}

/// Moves the time to where nothing is hidden any more.
fn settle(world: &World) {
    if let Some(at) = world.visibility(ADDRESS).unwrap().settled_at {
        world.advance(at - world.now());
    }
    let now = world.visibility(ADDRESS).unwrap();
    assert_eq!((now.settled, now.hidden), (true, 0));
}

#[test]
fn the_head_runs_ahead_of_the_records() {
    let world = world(3);
    let start = head(&world);
    quirks(&world, Quirks { true_head: true, ..Quirks::default() });
    world.set_lag(ADDRESS, Lag { span: TimeDelta::milliseconds(1_500), scope: LagScope::NewMail }).unwrap();
    let id = deliver(&world);
    let (seen, reached) = records(&world, start, 10).unwrap();
    assert_eq!((seen.len(), reached), (0, head(&world)));
    assert!(reached > start);
    assert_eq!(world.get_message(ADDRESS, id).unwrap_err().status, 404);
    assert_eq!(world.visibility(ADDRESS).unwrap().hidden, 1);
    settle(&world);
    assert_eq!(records(&world, start, 10).unwrap().0.len(), 1);
    assert!(world.get_message(ADDRESS, id).is_ok());
}

#[test]
fn later_records_are_seen_before_earlier_ones() {
    let world = world(30);
    let (start, mut state) = (head(&world), truth(&world));
    quirks(&world, Quirks { late_record: 0.5, late_ms: 4_000, ..Quirks::default() });
    let mut seen = BTreeSet::new();
    let mut overtaken = 0;
    for round in 0..30 {
        let ids = list_all(&world, 500);
        match round % 3 {
            0 => drop(deliver(&world)),
            1 => world.relabel(ADDRESS, &[ids[round]], &["STARRED", "Label_1"], &["INBOX"]).unwrap(),
            _ => world.delete(ADDRESS, ids[round]).unwrap(),
        }
        world.advance(TimeDelta::milliseconds(300));
        let (shown, reached) = records(&world, start, 100).unwrap();
        assert_eq!(reached, head(&world));
        let newest = seen.last().copied().unwrap_or(0);
        for record in shown {
            overtaken += usize::from(seen.insert(record.id) && record.id < newest);
        }
    }
    assert!(overtaken > 3, "{overtaken}");
    settle(&world);
    assert_eq!(records(&world, start, 100).unwrap().0.len(), 30);
    patient(&world, &mut state, start);
    assert_eq!(state, truth(&world));
}

#[test]
fn some_answers_come_from_an_older_state() {
    let world = world(10);
    let start = head(&world);
    quirks(&world, Quirks { stale: 0.5, stale_ms: 4_000, ..Quirks::default() });
    let ids = list_all(&world, 500);
    let before = world.get_message(ADDRESS, ids[0]).unwrap();
    let new = deliver(&world);
    world.relabel(ADDRESS, &[ids[0]], &["Label_2", "STARRED"], &["INBOX"]).unwrap();
    world.delete(ADDRESS, ids[1]).unwrap();
    let true_head = world.visibility(ADDRESS).unwrap().history_id;

    let look = |world: &World| {
        let relabelled = world.get_message(ADDRESS, ids[0]).unwrap();
        [
            relabelled.labels == before.labels && relabelled.history_id == before.history_id,
            world.get_message(ADDRESS, new).is_err(),
            world.get_message(ADDRESS, ids[1]).is_ok(),
            head(world) < true_head,
            records(world, start, 100).unwrap().1 < true_head,
            !list_all(world, 500).contains(&new),
        ]
    };
    let looks: Vec<[bool; 6]> = (0..60).map(|_| look(&world)).collect();
    for answer in 0..6 {
        let stale = looks.iter().filter(|look| look[answer]).count();
        assert!((5..55).contains(&stale), "{answer}: {stale} of 60");
    }
    assert!(looks.iter().any(|look| look[1] && !look[4]), "404 for a mail that history shows");

    settle(&world);
    assert!((0..60).all(|_| look(&world) == [false; 6]));
}

#[test]
fn a_listing_repeats_and_misses_what_moves_between_pages() {
    let world = world(40);
    quirks(&world, Quirks { moving_pages: 1.0, ..Quirks::default() });
    let all = list_all(&world, 500);
    assert_eq!(list_all(&world, 7), all, "nothing moves, nothing is wrong");

    let page = |token: Option<String>| {
        let query =
            ListQuery { max_results: Some(10), page_token: token, include_spam_trash: true, ..ListQuery::default() };
        let page = world.list_messages(ADDRESS, &query).unwrap();
        (page.messages.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), page.next_page_token)
    };
    let (first, token) = page(None);
    deliver(&world);
    assert_eq!(page(token).0[0], first[9], "the last one comes again");

    let (first, token) = page(None);
    world.delete(ADDRESS, first[3]).unwrap();
    let second = page(token).0;
    assert!(!first.contains(&all[9]) && !second.contains(&all[9]), "one is missed");
    assert_eq!(list_all(&world, 10), list_all(&world, 500), "a second listing is whole");
}

#[test]
fn estimates_lie() {
    let world = world(40);
    let estimate =
        || world.list_messages(ADDRESS, &ListQuery { max_results: Some(500), ..ListQuery::default() }).unwrap();
    let right = estimate().result_size_estimate;
    quirks(&world, Quirks { wrong_estimate: 1.0, ..Quirks::default() });
    let seen: BTreeSet<u32> = (0..60).map(|_| estimate().result_size_estimate).collect();
    assert_eq!(seen, [0, 1, 201, 5_000].into());
    quirks(&world, Quirks::default());
    assert_eq!(estimate().result_size_estimate, right);
}

#[test]
fn new_mail_can_stand_in_messages_alone() {
    let world = world(0);
    let (start, mut state) = (head(&world), truth(&world));
    quirks(&world, Quirks { bare_added: 1.0, ..Quirks::default() });
    let id = deliver(&world);
    quirks(&world, Quirks::default());
    let typed = deliver(&world);
    let (seen, _) = records(&world, start, 10).unwrap();
    assert_eq!((seen[0].bare[0].0, seen[0].messages_added.len()), (id, 0));
    assert_eq!((seen[1].bare.len(), seen[1].messages_added[0].message), (0, typed));
    patient(&world, &mut state, start);
    assert_eq!(state, truth(&world));
}

#[test]
fn dates_and_chats_sources_come_later() {
    let world = world(40);
    quirks(&world, Quirks { no_date: 0.5, no_raw: 1.0, unready_ms: 3_000, ..Quirks::default() });
    let chat = |_| {
        let mail = Deliver { labels: Some(vec!["CHAT".to_owned()]), ..Deliver::default() };
        world.deliver(ADDRESS, mail).unwrap()
    };
    let chats: Vec<MsgId> = (0..40).map(chat).collect();
    let gaps = |ids: &[MsgId]| ids.iter().map(|id| world.get_message(ADDRESS, *id).unwrap().gaps).collect::<Vec<_>>();
    let early = gaps(&chats);
    for gap in [Some(Gap::Absent), Some(Gap::Blank)] {
        assert!(early.iter().any(|gaps| gaps.raw == gap) && early.iter().any(|gaps| gaps.date == gap));
    }
    assert_eq!(early, gaps(&chats), "the same answer until it is ready");
    let ids = list_all(&world, 500);
    let old: Vec<MsgId> = ids.into_iter().filter(|id| !chats.contains(id)).collect();
    assert!(gaps(&old).iter().any(|gaps| gaps.date.is_some()), "old mail too, when the quirk begins");
    assert!(gaps(&old).iter().all(|gaps| gaps.raw.is_none()), "only chats lack their source");
    settle(&world);
    assert!(gaps(&chats).into_iter().chain(gaps(&old)).all(|gaps| gaps.raw.is_none() && gaps.date.is_none()));
}

#[test]
fn told_ids_go_back_and_forward_again() {
    let world = world(10);
    let before = head(&world);
    world.history_back(ADDRESS, TimeDelta::hours(1), false).unwrap();
    let low = head(&world);
    assert!(low < before / 2 + 1);
    let id = deliver(&world);
    assert!(world.get_message(ADDRESS, id).unwrap().history_id > before, "messages carry higher ids");
    for start in [low, before] {
        let (seen, reached) = records(&world, start, 10).unwrap();
        assert_eq!((seen.len(), reached), (1, head(&world)));
    }
    assert!(head(&world) > low && head(&world) < before);
    settle(&world);
    assert_eq!(head(&world), world.get_message(ADDRESS, id).unwrap().history_id);
}

#[test]
fn records_can_take_low_ids_while_they_are_told() {
    let world = world(10);
    deliver(&world);
    let (before, mut state) = (head(&world), truth(&world));
    world.history_back(ADDRESS, TimeDelta::hours(1), true).unwrap();
    let low = head(&world);
    let id = deliver(&world);
    let carried = world.get_message(ADDRESS, id).unwrap().history_id;
    assert!(low < carried && carried < before);
    assert!(records(&world, before, 10).unwrap().0.is_empty(), "the high id leads nowhere");
    assert_eq!(records(&world, low, 10).unwrap().0.len(), 1);
    settle(&world);
    assert_eq!(head(&world), before);
    let later = deliver(&world);
    assert!(world.get_message(ADDRESS, later).unwrap().history_id > before);
    patient(&world, &mut state, low);
    assert_eq!(state, truth(&world));
    assert!(records(&world, low, 1).unwrap().0.windows(2).all(|pair| pair[0].id < pair[1].id));
}
