//! Quiet hours over all zones and their changes.

use chrono::{DateTime, TimeDelta};
use jiff::tz::TimeZoneDatabase;

use super::*;
use crate::rules::preferences::{WallTime, Zone};

fn quiet(start: &str, end: &str, zone: &str) -> Preferences {
    Preferences {
        quiet_hours_enabled: true,
        quiet_hours_start: WallTime::parse(start).unwrap(),
        quiet_hours_end: WallTime::parse(end).unwrap(),
        quiet_hours_timezone: Zone::parse(zone).unwrap(),
        ..Preferences::default()
    }
}

fn at(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// The quiet span around an instant, found by walking minute by minute.
fn span(preferences: &Preferences, inside: Timestamp) -> TimeDelta {
    let quiet = |at: &Timestamp| quiet_until(preferences, *at).is_some();
    let step = |by| std::iter::successors(Some(inside), move |at| Some(*at + TimeDelta::minutes(by)));
    let first = step(-1).take_while(quiet).last().unwrap();
    let last = step(1).take_while(quiet).last().unwrap();
    last - first + TimeDelta::minutes(1)
}

#[test]
fn a_night_is_an_hour_shorter_or_longer_when_the_clock_changes() {
    let new_york = quiet("22:00", "08:00", "America/New_York");
    assert_eq!(span(&new_york, at("2026-03-08T06:00:00Z")), TimeDelta::hours(9));
    assert_eq!(span(&new_york, at("2026-11-01T06:00:00Z")), TimeDelta::hours(11));
    assert_eq!(span(&new_york, at("2026-06-01T06:00:00Z")), TimeDelta::hours(10));
    assert_eq!(quiet_until(&new_york, at("2026-03-08T03:00:00Z")), Some(at("2026-03-08T12:00:00Z")));
    // Half-open: the start is quiet, the end is not.
    assert!(quiet_until(&new_york, at("2026-06-01T02:00:00Z")).is_some());
    assert_eq!(quiet_until(&new_york, at("2026-06-01T01:59:59Z")), None);
    assert_eq!(quiet_until(&new_york, at("2026-06-01T12:00:00Z")), None);
}

#[test]
fn a_fold_belongs_to_the_window_from_its_first_start_to_its_second_end() {
    // 01:00 to 02:00 comes twice on 2026-11-01: 05:00Z to 06:00Z and 06:00Z to 07:00Z.
    let from = quiet("01:30", "03:00", "America/New_York");
    assert_eq!(quiet_until(&from, at("2026-11-01T05:29:00Z")), None);
    assert_eq!(quiet_until(&from, at("2026-11-01T06:10:00Z")), Some(at("2026-11-01T08:00:00Z")));
    let until = quiet("00:00", "01:30", "America/New_York");
    assert_eq!(quiet_until(&until, at("2026-11-01T05:45:00Z")), Some(at("2026-11-01T06:30:00Z")));
}

#[test]
fn a_gap_starts_with_the_jump_and_ends_behind_it() {
    // 02:00 to 03:00 does not exist on 2026-03-08; the jump is at 07:00Z.
    let both = quiet("02:10", "02:50", "America/New_York");
    assert_eq!(quiet_until(&both, at("2026-03-08T07:00:00Z")), Some(at("2026-03-08T07:50:00Z")));
    assert_eq!(quiet_until(&both, at("2026-03-08T06:59:59Z")), None);
    let start = quiet("02:30", "03:10", "America/New_York");
    assert_eq!(quiet_until(&start, at("2026-03-08T07:05:00Z")), Some(at("2026-03-08T07:10:00Z")));
}

#[test]
fn equal_ends_and_hours_switched_off_are_never_quiet() {
    let equal = quiet("08:00", "08:00", "UTC");
    let off = Preferences { quiet_hours_enabled: false, ..quiet("00:00", "23:59", "UTC") };
    for preferences in [equal, off] {
        assert_eq!(quiet_until(&preferences, at("2026-06-01T08:00:00Z")), None);
    }
}

/// Away from the hours of a change the wall clock alone decides; in all zones, around every change of ten years.
#[test]
fn in_every_zone_the_wall_clock_decides() {
    let zones = TimeZoneDatabase::bundled();
    let (from, to) = (instant(at("2020-01-01T00:00:00Z")), instant(at("2030-01-01T00:00:00Z")));
    let mut checked = 0_u32;
    for name in zones.available() {
        let zone = zones.get(name.as_str()).unwrap();
        let preferences = quiet("22:00", "06:30", name.as_str());
        let changes =
            zone.following(from).take_while(|change| change.timestamp() < to).map(|change| change.timestamp());
        for change in changes.chain([from]) {
            for minutes in (-36 * 60_i32..=36 * 60).step_by(150) {
                let now = change + (i64::from(minutes)).minutes();
                let local = now.to_zoned(zone.clone()).time();
                let (start, end) = (preferences.quiet_hours_start.0, preferences.quiet_hours_end.0);
                let by_the_clock = local >= start || local < end;
                let until = quiet_until(&preferences, timestamp(now)).map(instant);
                // The hours that come twice or never are the other tests' business.
                let near = minutes.abs() <= 180;
                assert!(near || until.is_some() == by_the_clock, "{name} {now} {local}");
                if let Some(until) = until {
                    let shown = until.to_zoned(zone.clone()).time();
                    assert!(until > now && (near || shown >= end), "{name} {now} until {shown}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 100_000, "{checked}");
}
