//! With every oddity on, a patient reader still comes to the truth, and two worlds are the same.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_domain::MockClock;
use postrider_gmail_sim::dice::Dice;
use postrider_gmail_sim::world::Lag;
use postrider_gmail_sim::{Deliver, Faults, MailboxSpec, Sizes, World};

use crate::replay::{ADDRESS, State, list_all, patient, truth};

fn odd(faults: Faults) -> World {
    let world = World::new(7, Arc::new(MockClock::default()));
    world.set_faults(faults);
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ADDRESS, 40) }).unwrap();
    world
}

/// Two minutes of changes; gives what was seen on the way.
fn live(world: &World, seed: u64) -> Vec<String> {
    let mut dice = Dice::new(seed);
    let known: Vec<_> = world.truth(ADDRESS).unwrap().into_keys().map(|id| id.parse().unwrap()).collect();
    let mut seen = Vec::new();
    for round in 0..240 {
        let id = known[usize::try_from(dice.below(known.len() as u64)).unwrap()];
        let acted = match dice.below(4) {
            0 => world.deliver(ADDRESS, Deliver::default()).map(drop),
            1 => world.relabel(ADDRESS, &[id], &["STARRED"], &["INBOX"]),
            2 => world.trash(ADDRESS, id),
            _ => world.delete(ADDRESS, id),
        };
        drop(acted);
        world.advance(TimeDelta::milliseconds(500));
        let page = world.list_messages(ADDRESS, &Default::default()).unwrap();
        let shown = world.get_message(ADDRESS, id).map(|found| (found.history_id, found.labels, found.gaps));
        seen.push(format!("{round} {:?} {page:?} {shown:?}", world.profile(ADDRESS)));
    }
    seen
}

#[test]
fn a_patient_reader_comes_to_the_truth() {
    for seed in 0..20 {
        let world = odd(Faults::Full);
        let (start, mut state) = (world.visibility(ADDRESS).unwrap().history_id, truth(&world));
        live(&world, seed);
        let settled = world.visibility(ADDRESS).unwrap().settled_at.unwrap();
        assert!(settled - world.now() < TimeDelta::seconds(30), "hidden for seconds only");
        world.advance(settled - world.now());
        patient(&world, &mut state, start);
        assert_eq!(state, truth(&world));

        let known = world.truth(ADDRESS).unwrap();
        let listed = list_all(&world, 10);
        assert_eq!(listed.len(), known.len());
        let mut shown = State::new();
        for id in listed {
            let found = world.get_message(ADDRESS, id).unwrap();
            assert_eq!((found.gaps, found.history_id), (Default::default(), known[&id.to_string()].history_id));
            shown.insert(id.to_string(), found.labels.into_iter().collect());
        }
        assert_eq!(shown, state);
        let last = known.values().map(|truth| truth.history_id).max().unwrap();
        assert!(world.profile(ADDRESS).unwrap().history_id >= last);
    }
}

#[test]
fn the_same_calls_give_the_same_answers() {
    assert_eq!(live(&odd(Faults::Full), 5), live(&odd(Faults::Full), 5));
    assert_ne!(live(&odd(Faults::Full), 5), live(&odd(Faults::Off), 5));
}

#[test]
fn which_oddities_are_on_does_not_change_the_mailbox() {
    let [off, full] = [Faults::Off, Faults::Full].map(|faults| {
        let world = odd(faults);
        live(&world, 3);
        world.truth(ADDRESS).unwrap()
    });
    assert_eq!(off.keys().collect::<Vec<_>>(), full.keys().collect::<Vec<_>>());
}

#[test]
fn off_and_lag_are_what_they_say() {
    assert_eq!((Faults::Off.lag(), Faults::Off.quirks()), (Lag::default(), Default::default()));
    assert!(Faults::Lag.quirks().true_head && Faults::Full.quirks().are_probabilities());
    let world = odd(Faults::Lag);
    world.deliver(ADDRESS, Deliver::default()).unwrap();
    world.advance(TimeDelta::milliseconds(1_499));
    assert_eq!(world.visibility(ADDRESS).unwrap().hidden, 1);
    world.advance(TimeDelta::milliseconds(1));
    assert!(world.visibility(ADDRESS).unwrap().settled);
}
