//! The project's day. Google counts from midnight to midnight in California and refuses everything beyond the limit, new
//! mail too; so the rest of the project's work stops before, and leaves live mail a reserve.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use jiff::Unit;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use postrider_domain::{Clock, Timestamp};

use super::Lane;
use super::called::{Held, HeldBy};
use crate::GmailMetrics;

/// What a replica spends is added to the shared count this often.
const SHARE_EVERY: TimeDelta = TimeDelta::seconds(5);
/// The part of the day kept for live mail and for connector's calls, one in so many units.
const RESERVE: u64 = 20;
/// After Google refused a live call too, one is tried again so much later: the count is Google's, not ours.
const LIVE_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(15);

/// A day as Google counts it: its number since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

/// Until when Google refuses, as it told one of the replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefusedUntil {
    /// All but live mail.
    pub work: Option<Timestamp>,
    pub live: Option<Timestamp>,
}

/// What all replicas know of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayState {
    pub spent: u64,
    pub refused: RefusedUntil,
}

/// The shared count of the project's days.
#[async_trait]
pub trait DayStore: Send + Sync {
    /// Adds what was spent and what was refused, and tells what is known then; `None` where the store cannot be reached.
    async fn add(&self, day: Day, spent: u64, refused: RefusedUntil) -> Option<DayState>;
}

/// What the day still allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allows {
    Everything,
    /// The reserve is begun.
    LiveMail,
    Nothing,
}

/// The project's day as one replica sees it. Between two looks at the shared count it knows of the others' spending what
/// it was told last: a few seconds of the project's minute, which is a thousandth of its day.
pub struct ProjectDay {
    limit: u64,
    store: Arc<dyn DayStore>,
    clock: Arc<dyn Clock>,
    metrics: Option<GmailMetrics>,
    state: Mutex<State>,
}

struct State {
    day: Day,
    ends: Timestamp,
    known: DayState,
    /// Spent and not yet shared.
    own: u64,
    shared_at: Option<Timestamp>,
}

impl ProjectDay {
    pub fn new(limit: u64, store: Arc<dyn DayStore>, clock: Arc<dyn Clock>) -> Self {
        let (day, ends) = day(clock.now());
        let state = State { day, ends, known: DayState::default(), own: 0, shared_at: None };
        Self { limit, store, clock, metrics: None, state: Mutex::new(state) }
    }

    /// Shows the day in these metrics as well.
    #[must_use]
    pub fn observed_by(self, metrics: GmailMetrics) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// Whether `units` may be spent for `lane`; they are counted then.
    pub async fn spend(&self, units: u32, lane: Lane) -> Result<(), Held> {
        self.share().await;
        let now = self.clock.now();
        let mut state = self.state.lock();
        state.turn(now);
        let refused = state.known.refused;
        let refused = if lane == Lane::Live { refused.live } else { refused.work.max(refused.live) };
        if let Some(until) = refused.filter(|until| *until > now) {
            return Err(Held { until, by: HeldBy::Day });
        }
        let most = if lane == Lane::Live { self.limit } else { self.limit - self.limit / RESERVE };
        if state.known.spent + state.own + u64::from(units) > most {
            return Err(Held { until: state.ends, by: HeldBy::Day });
        }
        state.own += u64::from(units);
        Ok(())
    }

    /// Google refused a call of `lane` for the day.
    pub fn refused(&self, lane: Lane, retry_at: Option<Timestamp>) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        state.turn(now);
        let work = retry_at.unwrap_or(state.ends);
        let refused = &mut state.known.refused;
        refused.work = refused.work.max(Some(work));
        if lane == Lane::Live {
            refused.live = refused.live.max(Some(retry_at.unwrap_or(work.min(now + LIVE_AGAIN_AFTER))));
        }
        // The others are told with the next call.
        state.shared_at = None;
        drop(state);
        self.show();
    }

    /// Per cent of the day that are spent; all of them once Google says so.
    pub fn percent(&self) -> u32 {
        let now = self.clock.now();
        let state = self.state.lock();
        match state.known.refused.work.is_some_and(|until| until > now) {
            true => 100,
            false => u32::try_from((state.known.spent + state.own) * 100 / self.limit.max(1)).unwrap_or(100).min(100),
        }
    }

    fn allows(&self, state: &State, now: Timestamp) -> Allows {
        let refused = |until: Option<Timestamp>| until.is_some_and(|until| until > now);
        let spent = state.known.spent + state.own;
        if refused(state.known.refused.live) || spent >= self.limit {
            Allows::Nothing
        } else if refused(state.known.refused.work) || spent >= self.limit - self.limit / RESERVE {
            Allows::LiveMail
        } else {
            Allows::Everything
        }
    }

    /// Adds to the shared count what was spent since the last time, if it is time.
    async fn share(&self) {
        let now = self.clock.now();
        let (day, own, refused) = {
            let mut state = self.state.lock();
            state.turn(now);
            if state.shared_at.is_some_and(|at| now - at < SHARE_EVERY) {
                return;
            }
            state.shared_at = Some(now);
            (state.day, std::mem::take(&mut state.own), state.known.refused)
        };
        let told = self.store.add(day, own, refused).await;
        let mut state = self.state.lock();
        match told {
            Some(known) if state.day == day => state.known = known,
            None if state.day == day => state.own += own,
            Some(_) | None => {}
        }
        drop(state);
        self.show();
    }

    fn show(&self) {
        let Some(metrics) = &self.metrics else { return };
        let state = self.state.lock();
        let allows = self.allows(&state, self.clock.now());
        metrics.day(state.known.spent + state.own, self.limit, allows);
    }
}

impl State {
    /// A new day begins with nothing spent. A clock that goes back opens no day again.
    fn turn(&mut self, now: Timestamp) {
        if now >= self.ends {
            let (day, ends) = day(now);
            *self = Self { day, ends, known: DayState::default(), own: 0, shared_at: None };
        }
    }
}

/// The day an instant lies in, and when it ends.
pub fn day(now: Timestamp) -> (Day, Timestamp) {
    // The zone comes with the program. Where it did not, or at the end of all calendars, a day is one of UTC.
    in_california(now).unwrap_or_else(|_no_zone| {
        let day = now.timestamp().div_euclid(86_400);
        (Day(day), DateTime::from_timestamp((day + 1) * 86_400, 0).unwrap_or(now))
    })
}

fn in_california(now: Timestamp) -> Result<(Day, Timestamp), jiff::Error> {
    let zone = TimeZone::get("America/Los_Angeles")?;
    let date = jiff::Timestamp::from_second(now.timestamp())?.to_zoned(zone.clone()).date();
    let ends = date.tomorrow()?.to_zoned(zone)?.timestamp().as_second();
    let since = date.since((Unit::Day, Date::constant(1970, 1, 1)))?;
    Ok((Day(since.get_days().into()), DateTime::from_timestamp(ends, 0).unwrap_or(now)))
}

#[cfg(test)]
#[path = "day_tests.rs"]
mod tests;
