use chrono::{DateTime, TimeDelta};
use jiff::civil::time;

use super::*;

fn at(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn schedule(frequency: Frequency, time: &str, zone: &str) -> Schedule {
    Schedule { frequency, time: WallTime::parse(time).unwrap(), zone: Zone::parse(zone).unwrap() }
}

fn period(schedule: &Schedule, when: &str) -> (String, String) {
    let Period { start, end } = schedule.period(at(when)).unwrap();
    (start.format("%FT%RZ").to_string(), end.format("%FT%RZ").to_string())
}

fn is(start: &str, end: &str) -> (String, String) {
    (start.to_owned(), end.to_owned())
}

#[test]
fn a_boundary_belongs_to_the_period_it_begins() {
    let daily = schedule(Frequency::Daily, "09:00", "Europe/Berlin");
    assert_eq!(period(&daily, "2026-11-29T07:59:59Z"), is("2026-11-28T08:00Z", "2026-11-29T08:00Z"));
    assert_eq!(period(&daily, "2026-11-29T08:00:00Z"), is("2026-11-29T08:00Z", "2026-11-30T08:00Z"));
    let weekly = schedule(Frequency::Weekly, "00:00", "UTC");
    // A Sunday, and the Monday behind it.
    assert_eq!(period(&weekly, "2026-11-29T23:59:59Z"), is("2026-11-23T00:00Z", "2026-11-30T00:00Z"));
    assert_eq!(period(&weekly, "2026-11-30T00:00:00Z"), is("2026-11-30T00:00Z", "2026-12-07T00:00Z"));
    let monthly = schedule(Frequency::Monthly, "23:30", "UTC");
    assert_eq!(period(&monthly, "2026-01-31T12:00:00Z"), is("2026-01-01T23:30Z", "2026-02-01T23:30Z"));
    assert_eq!(period(&monthly, "2026-01-01T23:29:00Z"), is("2025-12-01T23:30Z", "2026-01-01T23:30Z"));
}

#[test]
fn a_time_that_the_clock_skips_is_kept_and_one_that_it_shows_twice_comes_once() {
    let daily = schedule(Frequency::Daily, "02:30", "America/New_York");
    // 2026-03-08 has no 02:30: it is sent at 03:30.
    assert_eq!(period(&daily, "2026-03-08T12:00:00Z"), is("2026-03-08T07:30Z", "2026-03-09T06:30Z"));
    let daily = schedule(Frequency::Daily, "01:30", "America/New_York");
    // 2026-11-01 has two of them, an hour apart.
    assert_eq!(period(&daily, "2026-11-01T05:30:00Z"), is("2026-11-01T05:30Z", "2026-11-02T06:30Z"));
    assert_eq!(period(&daily, "2026-11-01T06:30:00Z"), is("2026-11-01T05:30Z", "2026-11-02T06:30Z"));
    // Apia had no 2011-12-30: that day's boundary is the next day's.
    let daily = schedule(Frequency::Daily, "09:00", "Pacific/Apia");
    assert_eq!(period(&daily, "2011-12-30T09:59:59Z"), is("2011-12-29T19:00Z", "2011-12-30T19:00Z"));
    assert_eq!(period(&daily, "2011-12-30T19:00:00Z"), is("2011-12-30T19:00Z", "2011-12-31T19:00Z"));
}

#[test]
fn after_a_standstill_there_is_one_digest_and_a_change_of_zone_leaves_no_gap() {
    let berlin = schedule(Frequency::Daily, "09:00", "Europe/Berlin");
    let start = at("2026-11-20T08:00:00Z");
    assert_eq!(berlin.closed(start, at("2026-11-21T07:59:59Z")), None);
    let closed = berlin.closed(start, at("2026-11-25T12:00:00Z")).unwrap();
    assert_eq!(closed, Period { start, end: at("2026-11-25T08:00:00Z") });
    // Half an hour after the period began its user moves to Tokyo: the period goes on up to the next boundary there.
    let tokyo = schedule(Frequency::Daily, "09:00", "Asia/Tokyo");
    let moved = at("2026-11-20T08:30:00Z");
    let end = tokyo.next_after(moved).unwrap();
    assert_eq!(end, at("2026-11-21T00:00:00Z"));
    assert_eq!(tokyo.closed(start, end), Some(Period { start, end }));
    // The last boundary there lies before the period's start: nothing is closed by the move itself.
    assert_eq!(tokyo.closed(start, moved), None);
}

/// All of the data's zones over ten years: every instant lies in exactly one period, and each begins at the digest's time on
/// the wall.
#[test]
fn property_every_instant_of_ten_years_lies_in_one_period_in_every_zone() {
    let names: Vec<String> = jiff::tz::TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect();
    assert!(names.len() > 500, "{}", names.len());
    std::thread::scope(|scope| {
        let half = names.len() / 2;
        let (one, other) = names.split_at(half);
        for part in [one, other] {
            scope.spawn(move || part.iter().enumerate().for_each(|(n, name)| whole(name, n)));
        }
    });
}

const FROM: &str = "2020-01-01T00:00:00Z";
const TO: &str = "2030-01-01T00:00:00Z";

fn whole(name: &str, n: usize) {
    let zone = zone(name).unwrap();
    let minute = u8::try_from(n % 96).unwrap() as i32 * 15;
    let clock = |minute: i32| WallTime(time((minute / 60) as i8, (minute % 60) as i8, 0, 0));
    let schedule = |frequency, minute| Schedule { frequency, time: clock(minute), zone: Zone::parse(name).unwrap() };
    for frequency in [Frequency::Daily, Frequency::Weekly, Frequency::Monthly] {
        let count = chain(&schedule(frequency, minute), &zone, (at(FROM), at(TO)), 32);
        let expected = match frequency {
            Frequency::Daily => 3_653,
            Frequency::Weekly => 522,
            _ => 120,
        };
        assert!((expected - 1..=expected + 1).contains(&count), "{name}: {count} {frequency} periods");
    }
    // Around each change of the clock, at every quarter of an hour of the day.
    let (from, to) = (instant(at(FROM)), instant(at(TO)));
    let changes = zone.following(from).take_while(|change| change.timestamp() < to).map(|change| change.timestamp());
    for change in changes {
        let near = timestamp(change);
        for minute in (0..1_440).step_by(if n.is_multiple_of(8) { 15 } else { 165 }) {
            let daily = schedule(Frequency::Daily, minute);
            chain(&daily, &zone, (near - TimeDelta::hours(30), near + TimeDelta::hours(30)), 1);
        }
    }
}

/// Walks from boundary to boundary, and looks from both ends at every `each`th period. Returns how many there were.
fn chain(schedule: &Schedule, zone: &TimeZone, (from, to): (Timestamp, Timestamp), each: i32) -> i32 {
    let mut count = 0;
    let mut start = schedule.next_in(instant(from), zone).unwrap();
    while start < instant(to) {
        let end = schedule.next_in(start, zone).unwrap();
        assert!(end > start, "{schedule:?} at {start}");
        if count % each == 0 {
            let last = end - 1.nanosecond();
            let found = (schedule.last_in(start, zone), schedule.last_in(last, zone), schedule.next_in(last, zone));
            assert_eq!(found, (Some(start), Some(start), Some(end)), "{schedule:?} at {start}");
        }
        let local = zone.to_datetime(start);
        // Only where the clock jumps over the time it is another one.
        assert!(local.time() == schedule.time.0 || jumped(schedule, zone, timestamp(start)), "{schedule:?} at {start}");
        count += 1;
        start = end;
    }
    count
}

/// Whether the clock jumped over the time on that day or, so far that it is shown on another date, on the day before.
fn jumped(schedule: &Schedule, zone: &TimeZone, start: Timestamp) -> bool {
    let day = zone.to_datetime(instant(start)).date();
    let skipped = |day: Date| zone.to_ambiguous_timestamp(day.to_datetime(schedule.time.0)).is_ambiguous();
    skipped(day) || skipped(day.yesterday().unwrap())
}
