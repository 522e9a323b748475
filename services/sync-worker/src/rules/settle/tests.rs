use std::collections::BTreeSet;

use postrider_domain::{Clock, MockClock};
use proptest::prelude::*;

use super::*;

fn standing(settled: u64, seen_head: u64, at: Timestamp) -> Standing {
    Standing {
        settled: HistoryId(settled),
        cursor: HistoryId(settled),
        seen_head: HistoryId(seen_head),
        seen_head_at: at,
        caught_up_at: at,
        gone: None,
        back: None,
        renumbered_at: None,
    }
}

#[test]
fn settles_on_what_was_told_ten_minutes_before_the_look() {
    let now = MockClock::default().now();
    let before = standing(100, 105, now);
    let soon = now + TimeDelta::minutes(9);
    assert_eq!(after(before, soon, HistoryId(120), soon), Standing { caught_up_at: soon, ..before });
    let late = now + VISIBLE_AFTER;
    let moved = after(before, late, HistoryId(120), late);
    assert_eq!((moved.settled.0, moved.seen_head.0, moved.seen_head_at), (105, 120, late));
    for head in [99, 104] {
        let lower = after(before, late, HistoryId(head), late);
        assert_eq!(
            (lower.settled.0, lower.seen_head.0),
            (100, 105),
            "a head below what is known for long moves nothing"
        );
        assert_eq!(judge(&before, HistoryId(head), Some(HistoryId(105)), late), Heads::Odd);
    }
    assert_eq!(judge(&before, HistoryId(104), None, soon), Heads::Usual, "not known for long");
}

#[test]
fn a_crowd_is_passed_by_except_every_half_minute_and_for_who_waits() {
    let now = MockClock::default().now();
    let here = Standing { cursor: HistoryId(900), ..standing(100, 105, now) };
    let soon = now + TimeDelta::seconds(29);
    assert_eq!(start(&here, false, false, soon), Start::Settled(HistoryId(100)));
    assert_eq!(start(&here, true, false, soon), Start::Cursor(HistoryId(900)));
    assert_eq!(start(&here, true, true, soon), Start::Settled(HistoryId(100)));
    assert_eq!(start(&here, true, false, now + WHOLE_LOOK_EVERY), Start::Settled(HistoryId(100)));
    let gone = Standing { gone: Some((now, HistoryId(950))), ..here };
    assert_eq!(start(&gone, false, true, soon), Start::Meanwhile(HistoryId(950)), "mail does not wait for certainty");
    assert_eq!(start(&gone, false, true, now + TimeDelta::hours(1)), Start::Settled(HistoryId(100)));
    let two_hours_ago = now - TimeDelta::hours(2);
    let begun = Standing { caught_up_at: two_hours_ago, ..gone };
    let early = start(&begun, false, true, now + ASK_AGAIN_AFTER);
    assert_eq!(early, Start::Meanwhile(HistoryId(950)), "a generation has begun just now");
    let long_ago = Standing { seen_head_at: two_hours_ago, ..begun };
    assert_eq!(start(&long_ago, false, true, now + ASK_AGAIN_AFTER), Start::Settled(HistoryId(100)));
}

#[test]
fn ids_go_back_only_when_two_looks_and_the_profile_say_so_and_once_a_day() {
    let now = MockClock::default().now();
    let here = standing(100, 105, now);
    assert_eq!(judge(&here, HistoryId(100), None, now), Heads::Usual);
    assert_eq!(judge(&here, HistoryId(7), Some(HistoryId(120)), now), Heads::Odd);
    assert_eq!(judge(&here, HistoryId(7), Some(HistoryId(8)), now), Heads::WentBack(HistoryId(7)));
    let back = Standing { back: Some((now, HistoryId(7))), ..here };
    assert_eq!(start(&back, true, false, now), Start::Lower(HistoryId(7)));
    let (soon, later) = (now + TimeDelta::seconds(59), now + TimeDelta::seconds(60));
    assert_eq!(judge(&back, HistoryId(9), Some(HistoryId(9)), soon), Heads::StillBack);
    assert_eq!(judge(&back, HistoryId(9), Some(HistoryId(120)), later), Heads::Odd);
    assert_eq!(judge(&back, HistoryId(9), Some(HistoryId(9)), later), Heads::StartOver);
    let again = Standing { renumbered_at: Some(now - TimeDelta::hours(23)), ..back };
    assert_eq!(judge(&again, HistoryId(9), Some(HistoryId(9)), later), Heads::StillBack);
    assert_eq!(judge(&again, HistoryId(100), None, later), Heads::RightAgain);
}

/// A history whose records exist from one second and are shown from a later one.
#[derive(Debug, Clone)]
struct Record {
    id: u64,
    made: i64,
    shown: i64,
}

prop_compose! {
    fn histories()(steps in prop::collection::vec((1_u64..4, 0_i64..400, 0_i64..600), 1..60)) -> Vec<Record> {
        let (mut id, mut made) = (100, 0);
        steps.into_iter().map(|(gap, pause, hidden)| {
            (id, made) = (id + gap, made + pause);
            Record { id, made, shown: made + hidden }
        }).collect()
    }
}

proptest! {
    /// The proof above, run: whatever is hidden for less than ten minutes, in any order, is met before it is passed.
    #[test]
    fn no_record_is_passed_before_a_look_has_met_it(
        history in histories(),
        pauses in prop::collection::vec((1_i64..900, 0_i64..30, any::<bool>()), 5..60),
    ) {
        let zero = MockClock::default().now();
        let at = |second: i64| zero + TimeDelta::seconds(second);
        let mut here = standing(100, 100, zero);
        let mut met: BTreeSet<u64> = BTreeSet::new();
        let mut now = 0;
        for (pause, slow, complete) in pauses {
            now += pause;
            let began = now;
            now += slow;
            let head = history.iter().filter(|record| record.made <= now).map(|record| record.id).max().unwrap_or(100);
            let shown = history.iter().filter(|record| record.shown <= began && record.id > here.settled.0);
            met.extend(shown.map(|record| record.id));
            if complete {
                here = after(here, at(began), HistoryId(head), at(now));
            }
            let passed = history.iter().filter(|record| record.made <= now && record.id <= here.settled.0);
            for record in passed {
                prop_assert!(met.contains(&record.id), "{record:?} was passed at second {now} unseen: {here:?}");
            }
        }
    }
}
