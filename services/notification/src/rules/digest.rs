//! Digests: which periods there are, and which digest a change of settings leads to.
//!
//! A period is half-open, from one boundary to the next. Boundaries are the digest's time of the day: every day, on Mondays,
//! or on the first of the month, in the user's zone. Where the clock jumps over that time it is the time as long after
//! the jump as the time lay after the jump's beginning; where the clock shows it twice, the first.

use jiff::Timestamp as Instant;
use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::{Disambiguation, TimeZone};
use postrider_domain::Timestamp;

use super::preferences::{Frequency, Preferences, WallTime, Zone};
use super::zone::{instant, timestamp, zone};

/// When digests are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub frequency: Frequency,
    pub time: WallTime,
    pub zone: Zone,
}

/// From its start up to its end, which is the next one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Schedule {
    /// What these preferences ask for, if they ask for digests.
    pub fn of(preferences: &Preferences) -> Option<Self> {
        (!preferences.digest_frequency.is_none()).then(|| Self {
            frequency: preferences.digest_frequency,
            time: preferences.digest_time,
            zone: preferences.digest_timezone.clone(),
        })
    }

    /// The first boundary behind an instant.
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.next_in(instant(at), &self.known_zone()).map(timestamp)
    }

    /// The last boundary that is not behind an instant.
    pub fn last_until(&self, at: Timestamp) -> Option<Timestamp> {
        self.last_in(instant(at), &self.known_zone()).map(timestamp)
    }

    /// The period an instant lies in.
    pub fn period(&self, at: Timestamp) -> Option<Period> {
        Some(Period { start: self.last_until(at)?, end: self.next_after(at)? })
    }

    /// What is closed now of a period that began at `start`: up to the last boundary, so that after a standstill there is
    /// one digest and not one for each period that was missed. Nothing while the period goes on.
    pub fn closed(&self, start: Timestamp, now: Timestamp) -> Option<Period> {
        let end = self.last_until(now)?;
        (end > start).then_some(Period { start, end })
    }

    /// A clock that jumps over a whole day makes two boundaries one: so yesterday's may still come.
    fn next_in(&self, at: Instant, zone: &TimeZone) -> Option<Instant> {
        (-1..=3).find_map(|step| self.boundary(at, step, zone).filter(|boundary| *boundary > at))
    }

    fn last_in(&self, at: Instant, zone: &TimeZone) -> Option<Instant> {
        (-3..=1).rev().find_map(|step| self.boundary(at, step, zone).filter(|boundary| *boundary <= at))
    }

    /// A zone that the data does not know any more must not stop a digest.
    fn known_zone(&self) -> TimeZone {
        zone(self.zone.as_str()).unwrap_or(TimeZone::UTC)
    }

    /// The boundary so many steps from the one near an instant. Steps go up, and so do boundaries.
    fn boundary(&self, at: Instant, step: i32, zone: &TimeZone) -> Option<Instant> {
        let day = self.day(zone.to_datetime(at).date(), step)?;
        let local = zone.to_ambiguous_timestamp(day.to_datetime(self.time.0));
        local.disambiguate(Disambiguation::Compatible).ok()
    }

    fn day(&self, today: Date, step: i32) -> Option<Date> {
        match self.frequency {
            Frequency::None => None,
            Frequency::Daily => today.checked_add(step.days()).ok(),
            Frequency::Weekly => {
                let since = i32::from(today.weekday().since(Weekday::Monday));
                today.checked_add((step * 7 - since).days()).ok()
            }
            // From the first of this month: a month after the 31st is another day than a month after the 28th.
            Frequency::Monthly => today.first_of_month().checked_add(step.months()).ok(),
        }
    }
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
