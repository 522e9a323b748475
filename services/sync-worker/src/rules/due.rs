//! When a mailbox is due again: the first of all that it waits for, poll intervals, back-off after errors (law 8).

use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::Timestamp;

/// After a boundary, newest mail and labels are compared with listings: by then nothing from before it is hidden.
pub const LOOK_BACK_AFTER: TimeDelta = super::settle::VISIBLE_AFTER;
/// First wait after an error.
const BACKOFF_BASE: Duration = Duration::from_secs(5);
/// The wait after errors doubles to at least this.
const BACKOFF_FLOOR: Duration = Duration::from_secs(300);
/// Between two complete comparisons of a mirror with its mailbox, at most.
const AUDIT_EVERY: Duration = Duration::from_secs(24 * 3_600);
/// With healthy push, polling only makes sure.
const SAFETY_POLL: Duration = Duration::from_secs(300);

/// A mailbox or a run that failed this often in a row is told to its owner, once.
pub const TELL_AFTER: i32 = 5;

postrider_domain::words! {
    /// Why a mailbox is due, as the engine says it.
    pub enum DueReason {
        Poll = "poll",
        /// A person asked.
        Asked = "asked",
        /// The mirror is to be compared with the whole mailbox.
        Audit = "audit",
        /// Gmail told something odd: it is asked again before it is believed.
        Check = "check",
        /// A parked message.
        Retry = "retry",
        /// A follow-up look after a push or a new entry.
        EarlyPush = "early_push",
        /// Newest mail and labels are compared with listings, after a boundary.
        LookBack = "look_back",
        /// A run that goes on, or waits.
        Backfill = "backfill",
        /// The process stops.
        Stopped = "stopped",
    }
}

/// When and why a mailbox is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub at: Timestamp,
    pub reason: DueReason,
}

/// All that a mailbox may wait for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waits {
    pub poll: Option<Timestamp>,
    pub check: Option<Timestamp>,
    pub parked: Option<Timestamp>,
    pub early_push: Option<Timestamp>,
    pub look_back: Option<Timestamp>,
    pub run: Option<Timestamp>,
}

/// The one decision when a mailbox is looked at next: at what it waits for first. `None`: only a mark brings it back.
pub fn next_due(waits: &Waits) -> Option<Due> {
    let Waits { poll, check, parked, early_push, look_back, run } = *waits;
    [
        (poll, DueReason::Poll),
        (check, DueReason::Check),
        (parked, DueReason::Retry),
        (early_push, DueReason::EarlyPush),
        (look_back, DueReason::LookBack),
        (run, DueReason::Backfill),
    ]
    .into_iter()
    .filter_map(|(at, reason)| at.map(|at| Due { at, reason }))
    .min_by_key(|due| due.at)
}

/// How long until the next poll: the mailbox's own interval or the default; under a live push watch, the safety poll
/// unless the mailbox asked for less often.
pub fn poll_interval(own_seconds: i32, default: Duration, push_is_live: bool) -> Duration {
    let own = u64::try_from(own_seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
    let interval = own.unwrap_or(default);
    if push_is_live { interval.max(SAFETY_POLL) } else { interval }
}

/// When a mailbox is polled next. Up to a tenth before the interval is over: mailboxes that were looked at together, after an
/// outage or at a start, must not be for ever. `early` is in `[0, 1)`.
pub fn next_poll(looked_at: Timestamp, interval: Duration, early: f64) -> Timestamp {
    let wait = TimeDelta::from_std(interval).unwrap_or(TimeDelta::days(1));
    let tenth = wait.num_milliseconds() as f64 / 10.0;
    looked_at + wait - TimeDelta::milliseconds((tenth * early.clamp(0.0, 1.0)) as i64)
}

/// When a mirror is compared with all of its mailbox again: once a day, spread like polls.
pub fn next_audit(last: Timestamp, early: f64) -> Timestamp {
    next_poll(last, AUDIT_EVERY, early)
}

/// When to try again after the `attempts`-th failure in a row (counted from 1). Google's own time wins when it is
/// later. `jitter` is in `[0, 1)`.
pub fn not_before(
    attempts: i32,
    retry_at: Option<Timestamp>,
    interval: Duration,
    jitter: f64,
    now: Timestamp,
) -> Timestamp {
    let attempt = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    let backoff = postrider_runtime::backoff::Backoff::new(BACKOFF_BASE, interval.max(BACKOFF_FLOOR));
    let wait = TimeDelta::from_std(backoff.delay(attempt, jitter)).unwrap_or(TimeDelta::minutes(5));
    let ours = now + wait;
    retry_at.map_or(ours, |theirs| theirs.max(ours))
}

/// When to try again what was refused until somebody acts, whom no event tells of: in an hour or two.
pub fn refused_until(jitter: f64, now: Timestamp) -> Timestamp {
    now + TimeDelta::seconds(3_600 + (jitter * 3_600.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{Clock, MockClock};

    #[test]
    fn polls_by_own_interval_and_rests_under_push() {
        let normal = Duration::from_secs(300);
        assert_eq!(poll_interval(60, normal, false).as_secs(), 60);
        assert_eq!(poll_interval(0, Duration::from_secs(60), false).as_secs(), 60);
        assert_eq!(poll_interval(60, normal, true).as_secs(), 300);
        assert_eq!(poll_interval(900, normal, true).as_secs(), 900);
    }

    #[test]
    fn polls_spread_and_are_never_late() {
        let now = MockClock::default().now();
        let polled = |early| (next_poll(now, Duration::from_secs(300), early) - now).num_seconds();
        assert_eq!([0.0, 0.5, 1.0].map(polled), [300, 285, 270]);
        assert_eq!(next_poll(now, Duration::MAX, 0.0), now + TimeDelta::days(1));
    }

    #[test]
    fn what_comes_first_is_next_and_nothing_to_wait_for_is_no_time() {
        let now = MockClock::default().now();
        let at = |seconds| Some(now + TimeDelta::seconds(seconds));
        assert_eq!(next_due(&Waits::default()), None);
        let waits = Waits { poll: at(300), check: at(60), ..Waits::default() };
        assert_eq!(next_due(&waits).map(|due| due.reason), Some(DueReason::Check));
        let waits = Waits { early_push: at(2), parked: at(3), run: at(4), ..waits };
        assert_eq!(next_due(&waits), Some(Due { at: now + TimeDelta::seconds(2), reason: DueReason::EarlyPush }));
    }

    #[test]
    fn errors_double_the_wait_up_to_the_interval_and_google_may_ask_for_more() {
        let now = MockClock::default().now();
        let wait = |attempts, interval| {
            (not_before(attempts, None, Duration::from_secs(interval), 1.0, now) - now).num_seconds()
        };
        assert_eq!([wait(1, 60), wait(2, 60), wait(3, 60), wait(30, 60)], [5, 10, 20, 300]);
        assert_eq!(wait(30, 900), 900);
        let late = now + TimeDelta::hours(2);
        assert_eq!(not_before(1, Some(late), Duration::from_secs(60), 0.0, now), late);
    }
}
