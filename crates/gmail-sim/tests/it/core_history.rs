//! History replays to the truth, whatever happened.

use postrider_gmail_sim::world::Quirks;
use postrider_gmail_sim::{Deliver, MsgId, World};
use proptest::prelude::*;

use crate::replay::{ADDRESS, apply, list_all, records, truth, world};

#[derive(Debug, Clone)]
enum Op {
    Deliver,
    DeliverTwo,
    Delete(usize),
    Trash(usize),
    Untrash(usize),
    Spam(usize),
    Read(usize, bool),
    Relabel(usize, usize),
    Draft(Option<usize>),
    Send(Option<usize>),
    Bump,
    DeleteLabel(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let pick = 0..1_000_usize;
    prop_oneof![
        4 => Just(Op::Deliver),
        1 => Just(Op::DeliverTwo),
        2 => pick.clone().prop_map(Op::Delete),
        2 => pick.clone().prop_map(Op::Trash),
        1 => pick.clone().prop_map(Op::Untrash),
        1 => pick.clone().prop_map(Op::Spam),
        2 => (pick.clone(), any::<bool>()).prop_map(|(at, read)| Op::Read(at, read)),
        3 => (pick.clone(), pick.clone()).prop_map(|(at, label)| Op::Relabel(at, label)),
        3 => proptest::option::of(pick.clone()).prop_map(Op::Draft),
        1 => proptest::option::of(pick.clone()).prop_map(Op::Send),
        1 => Just(Op::Bump),
        1 => pick.prop_map(Op::DeleteLabel),
    ]
}

fn some_id(world: &World, at: usize) -> Option<MsgId> {
    let ids = list_all(world, 500);
    (!ids.is_empty()).then(|| ids[at % ids.len()])
}

fn some_draft(world: &World, at: Option<usize>) -> Option<String> {
    let drafts = world.drafts(ADDRESS).unwrap();
    at.filter(|_| !drafts.is_empty()).map(|at| drafts[at % drafts.len()].draft_id.clone())
}

fn run(world: &World, op: &Op) {
    let on = |at: usize, act: &dyn Fn(MsgId)| some_id(world, at).into_iter().for_each(act);
    let labels: Vec<String> =
        world.labels_list(ADDRESS).unwrap().into_iter().filter(|label| !label.system).map(|label| label.id).collect();
    match *op {
        Op::Deliver => drop(world.deliver(ADDRESS, Deliver::default()).unwrap()),
        Op::DeliverTwo => drop(world.deliver_all(ADDRESS, vec![Deliver::default(), Deliver::default()]).unwrap()),
        Op::Delete(at) => on(at, &|id| world.delete(ADDRESS, id).unwrap()),
        Op::Trash(at) => on(at, &|id| world.trash(ADDRESS, id).unwrap()),
        Op::Untrash(at) => on(at, &|id| world.untrash(ADDRESS, id).unwrap()),
        Op::Spam(at) => on(at, &|id| world.mark_spam(ADDRESS, id).unwrap()),
        Op::Read(at, read) => on(at, &|id| world.mark_read(ADDRESS, id, read).unwrap()),
        Op::Relabel(at, label) if !labels.is_empty() => {
            let label = labels[label % labels.len()].as_str();
            on(at, &|id| world.relabel(ADDRESS, &[id], &[label, "STARRED"], &["UNREAD"]).unwrap());
        }
        Op::Relabel(..) => {}
        Op::Draft(at) => drop(world.save_draft(ADDRESS, some_draft(world, at).as_deref(), Deliver::default()).unwrap()),
        Op::Send(at) => {
            let to_self = Deliver { to: Some(ADDRESS.to_owned()), ..Deliver::default() };
            drop(world.send(ADDRESS, some_draft(world, at).as_deref(), to_self));
        }
        Op::Bump => world.bump_history(ADDRESS).unwrap(),
        Op::DeleteLabel(at) if labels.len() > 3 => world.delete_label(ADDRESS, &labels[at % labels.len()]).unwrap(),
        Op::DeleteLabel(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn replay_from_any_point_gives_the_truth(
        ops in proptest::collection::vec(op(), 1..60),
        cut in 0..60_usize,
        page in 1..20_usize,
        quirks in (0.0..0.9, 0.0..0.9),
    ) {
        let world = world(25);
        world.set_quirks(ADDRESS, Quirks { empty_page: quirks.0, repeated_record: quirks.1, ..Quirks::default() }).unwrap();
        let cut = cut.min(ops.len());
        ops[..cut].iter().for_each(|op| run(&world, op));
        let mut state = truth(&world);
        let start = world.profile(ADDRESS).unwrap().history_id;
        ops[cut..].iter().for_each(|op| run(&world, op));

        let (records, reached) = records(&world, start, page).unwrap();
        apply(&mut state, &records);
        prop_assert_eq!(&state, &truth(&world));
        prop_assert_eq!(reached, world.profile(ADDRESS).unwrap().history_id);
        prop_assert!(records.windows(2).all(|pair| pair[0].id <= pair[1].id));
        prop_assert!(records.iter().all(|record| record.id > start && record.id <= reached));

        // Each message's historyId is that of the last record that touched it, and a fetch agrees with the truth.
        let known = world.truth(ADDRESS).unwrap();
        for (id, truth) in &known {
            let found = world.get_message(ADDRESS, id.parse().unwrap()).unwrap();
            prop_assert_eq!(found.history_id, truth.history_id);
            prop_assert!(truth.history_id <= reached);
        }
        // A listing has every id once, newest first.
        let ids = list_all(&world, page);
        prop_assert_eq!(ids.len(), known.len());
        prop_assert!(ids.iter().all(|id| known.contains_key(&id.to_string())));
    }

    #[test]
    fn the_same_calls_give_the_same_world(ops in proptest::collection::vec(op(), 1..30)) {
        let (a, b) = (world(10), world(10));
        ops.iter().for_each(|op| { run(&a, op); run(&b, op); });
        prop_assert_eq!(a.truth(ADDRESS).unwrap(), b.truth(ADDRESS).unwrap());
    }
}

#[test]
fn several_types_can_stand_in_one_record() {
    let world = world(0);
    let id = world.deliver(ADDRESS, Deliver::default()).unwrap();
    let start = world.profile(ADDRESS).unwrap().history_id;
    world.trash(ADDRESS, id).unwrap();
    let (records, _) = records(&world, start, 100).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].labels_added[0].labels, ["TRASH"]);
    assert_eq!(records[0].labels_removed[0].labels, ["INBOX"]);
}

#[test]
fn a_change_that_changes_nothing_makes_no_record() {
    let world = world(0);
    let id = world.deliver(ADDRESS, Deliver::default()).unwrap();
    let before = world.profile(ADDRESS).unwrap().history_id;
    world.untrash(ADDRESS, id).unwrap();
    assert_eq!(world.profile(ADDRESS).unwrap().history_id, before);
}

#[test]
fn expired_and_recreated_history_is_told_apart() {
    let world = world(5);
    let start = world.profile(ADDRESS).unwrap().history_id;
    let id = world.deliver(ADDRESS, Deliver::default()).unwrap();
    assert_eq!(records(&world, start, 10).unwrap().0.len(), 1);
    world.expire_history(ADDRESS, 0).unwrap();
    assert_eq!(records(&world, start, 10).unwrap_err().status, 404);
    let now = world.profile(ADDRESS).unwrap().history_id;
    assert!(records(&world, now, 10).unwrap().0.is_empty());

    world.recreate(ADDRESS, 3, None).unwrap();
    let profile = world.profile(ADDRESS).unwrap();
    assert!(profile.history_id < now, "ids start over");
    assert_eq!(profile.messages_total, 3);
    assert_eq!(world.get_message(ADDRESS, id).unwrap_err().status, 404);
}

#[test]
fn records_older_than_the_retention_go() {
    let world = world(0);
    let start = world.profile(ADDRESS).unwrap().history_id;
    world.deliver(ADDRESS, Deliver::default()).unwrap();
    world.set_retention(ADDRESS, chrono::TimeDelta::hours(2)).unwrap();
    world.advance(chrono::TimeDelta::hours(3));
    assert_eq!(records(&world, start, 10).unwrap_err().status, 404);
}

#[test]
fn page_tokens_expire_and_label_filters_are_anded() {
    let world = world(300);
    let query = |labels: &[&str]| postrider_gmail_sim::ListQuery {
        label_ids: labels.iter().map(|&label| label.to_owned()).collect(),
        max_results: Some(500),
        ..Default::default()
    };
    let truth = truth(&world);
    let both = truth.values().filter(|set| set.contains("INBOX") && set.contains("UNREAD")).count();
    assert_eq!(world.list_messages(ADDRESS, &query(&["INBOX", "UNREAD"])).unwrap().messages.len(), both);
    let hidden = truth.values().filter(|set| set.contains("SPAM") || set.contains("TRASH")).count();
    assert!(hidden > 0);
    assert_eq!(world.list_messages(ADDRESS, &query(&[])).unwrap().messages.len(), truth.len() - hidden);
    assert_eq!(world.list_messages(ADDRESS, &query(&["Label_99"])).unwrap_err().status, 400);

    let first = world.list_messages(ADDRESS, &Default::default()).unwrap();
    world.expire_page_tokens(ADDRESS).unwrap();
    let next = postrider_gmail_sim::ListQuery { page_token: first.next_page_token, ..Default::default() };
    assert_eq!(world.list_messages(ADDRESS, &next).unwrap_err().status, 400);
}
