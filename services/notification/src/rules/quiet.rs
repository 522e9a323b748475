//! Quiet hours: from one local time to another, every day, whatever the clocks do.
//!
//! A window is a pair of instants. Where the clock is set back, it starts at the first occurrence of its start and ends
//! at the second of its end; where the clock is set forward over it, it starts with the jump and ends as long after the
//! jump as the end lay after the jump's beginning.

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, Disambiguation, TimeZone};
use jiff::{Timestamp as Instant, ToSpan as _};
use postrider_domain::Timestamp;

use super::preferences::Preferences;
use super::zone::{instant, timestamp, zone};

/// When the quiet hours in force at an instant end; nothing outside of them. Equal ends, which an account's settings over
/// its user's can make, are no quiet hours.
pub fn quiet_until(preferences: &Preferences, at: Timestamp) -> Option<Timestamp> {
    if !preferences.quiet_hours_enabled {
        return None;
    }
    let (start, end) = (preferences.quiet_hours_start.0, preferences.quiet_hours_end.0);
    let zone = zone(preferences.quiet_hours_timezone.as_str())?;
    let now = instant(at);
    let today = now.to_zoned(zone.clone()).date();
    let days = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
    let windows = days.into_iter().flatten().filter_map(|day| window(day, start, end, &zone));
    windows.filter(|(from, to)| (*from..*to).contains(&now)).map(|(_, to)| to).max().map(timestamp)
}

/// The window that starts on a day.
fn window(day: Date, start: Time, end: Time, zone: &TimeZone) -> Option<(Instant, Instant)> {
    if start == end {
        return None;
    }
    let last = if start < end { day } else { day.tomorrow().ok()? };
    Some((first(day.to_datetime(start), zone)?, resolved(last.to_datetime(end), zone, Disambiguation::Later)?))
}

/// The first instant at which the clock shows that time or has jumped over it.
fn first(local: jiff::civil::DateTime, zone: &TimeZone) -> Option<Instant> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    if !matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
        return ambiguous.earlier().ok();
    }
    let before = ambiguous.earlier().ok()?.checked_sub(1.second()).ok()?;
    zone.following(before).next().map(|jump| jump.timestamp())
}

fn resolved(local: jiff::civil::DateTime, zone: &TimeZone, how: Disambiguation) -> Option<Instant> {
    zone.to_ambiguous_timestamp(local).disambiguate(how).ok()
}

#[cfg(test)]
#[path = "quiet_tests.rs"]
mod tests;
