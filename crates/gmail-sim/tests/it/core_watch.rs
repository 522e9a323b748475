//! Watches and the notifications they give.

use chrono::TimeDelta;
use postrider_gmail_sim::world::Excess;
use postrider_gmail_sim::{Deliver, WatchRequest, World};

use crate::replay::{ADDRESS, list_all, world};

const TOPIC: &str = "projects/sim/topics/gmail";

fn watch(world: &World) {
    let request = WatchRequest { topic: TOPIC.into(), ..WatchRequest::default() };
    world.watch(ADDRESS, &request).unwrap();
}

fn deliver(world: &World) {
    world.deliver(ADDRESS, Deliver::default()).unwrap();
}

#[test]
fn a_watch_notifies_at_once_and_then_at_most_once_a_second() {
    let world = world(0);
    deliver(&world);
    assert!(world.take_notifications().is_empty(), "nothing is watched yet");
    watch(&world);
    let first = world.take_notifications();
    assert_eq!((first.len(), first[0].history_id), (1, world.profile(ADDRESS).unwrap().history_id));

    deliver(&world);
    deliver(&world);
    assert!(world.take_notifications().is_empty());
    assert!(world.next_notification().is_some());
    world.advance(TimeDelta::seconds(1));
    let held = world.take_notifications();
    assert_eq!((held.len(), held[0].history_id), (1, world.profile(ADDRESS).unwrap().history_id));
    assert_ne!(held[0].message_id, first[0].message_id);
}

#[test]
fn the_excess_can_be_dropped() {
    let world = world(0);
    world.set_excess(Excess::Drop);
    watch(&world);
    deliver(&world);
    world.advance(TimeDelta::seconds(1));
    assert_eq!(world.take_notifications().len(), 1);
    assert_eq!(world.dropped_notifications(), 1);
    deliver(&world);
    assert_eq!(world.take_notifications().len(), 1);
}

#[test]
fn a_watch_ends_after_seven_days_or_by_stop() {
    let world = world(0);
    watch(&world);
    world.take_notifications();
    world.advance(TimeDelta::days(7));
    deliver(&world);
    assert!(world.take_notifications().is_empty());
    watch(&world);
    world.take_notifications();
    world.stop(ADDRESS).unwrap();
    world.advance(TimeDelta::seconds(5));
    deliver(&world);
    assert!(world.take_notifications().is_empty());
}

#[test]
fn filters_second_topics_and_bad_names() {
    let world = world(20);
    let request =
        |topic: &str, label: &str| WatchRequest { topic: topic.into(), label_ids: vec![label.into()], exclude: false };
    assert_eq!(world.watch(ADDRESS, &request("gmail", "INBOX")).unwrap_err().status, 400);
    assert_eq!(world.watch(ADDRESS, &request(TOPIC, "Label_99")).unwrap_err().status, 400);
    world.watch(ADDRESS, &request(TOPIC, "SENT")).unwrap();
    assert!(world.watch(ADDRESS, &request("projects/sim/topics/other", "SENT")).is_err());
    world.take_notifications();
    world.advance(TimeDelta::seconds(2));
    deliver(&world);
    assert!(world.take_notifications().is_empty(), "the inbox is not watched");
    let id = list_all(&world, 1)[0];
    world.relabel(ADDRESS, &[id], &["SENT"], &[]).unwrap();
    assert_eq!(world.take_notifications().len(), 1);
}
