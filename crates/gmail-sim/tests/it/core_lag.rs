//! With a visibility lag, profile and pushes run ahead of what readers see.

use chrono::TimeDelta;
use postrider_gmail_sim::Deliver;
use postrider_gmail_sim::world::{Lag, LagScope};

use crate::replay::{ADDRESS, list_all, records, truth, world};

#[test]
fn new_mail_is_announced_before_it_is_seen() {
    let world = world(3);
    let start = world.profile(ADDRESS).unwrap().history_id;
    world.set_lag(ADDRESS, Lag { span: TimeDelta::seconds(3), scope: LagScope::NewMail }).unwrap();
    let id = world.deliver(ADDRESS, Deliver::default()).unwrap();

    assert!(world.profile(ADDRESS).unwrap().history_id > start);
    assert_eq!(records(&world, start, 10).unwrap(), (vec![], start));
    assert_eq!(world.get_message(ADDRESS, id).unwrap_err().status, 404);
    assert!(list_all(&world, 10).contains(&id), "listings are current in this scope");

    world.advance(TimeDelta::seconds(3));
    let (seen, reached) = records(&world, start, 10).unwrap();
    assert_eq!((seen.len(), reached), (1, world.profile(ADDRESS).unwrap().history_id));
    assert!(world.get_message(ADDRESS, id).is_ok());
}

#[test]
fn the_whole_view_can_lag_as_one_snapshot() {
    let world = world(5);
    world.set_lag(ADDRESS, Lag { span: TimeDelta::seconds(3), scope: LagScope::Everything }).unwrap();
    let before = truth(&world);
    let victims = list_all(&world, 2);
    let new = world.deliver(ADDRESS, Deliver::default()).unwrap();
    world.delete(ADDRESS, victims[0]).unwrap();
    world.relabel(ADDRESS, &[victims[1]], &["STARRED", "Label_1"], &["INBOX"]).unwrap();
    world.trash(ADDRESS, victims[1]).unwrap();

    let shown = |world: &postrider_gmail_sim::World| -> crate::replay::State {
        let ids = list_all(world, 2);
        ids.iter()
            .map(|id| (id.to_string(), world.get_message(ADDRESS, *id).unwrap().labels.into_iter().collect()))
            .collect()
    };
    assert_eq!(shown(&world), before);
    assert_eq!(world.get_message(ADDRESS, new).unwrap_err().status, 404);
    world.advance(TimeDelta::seconds(3));
    assert_eq!(shown(&world), truth(&world));
}
