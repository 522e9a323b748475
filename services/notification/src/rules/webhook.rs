//! Webhooks: what an endpoint is told, and what comes of an attempt. No IO.

use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::Timestamp;
use serde::Serialize;

postrider_domain::words! {
    /// Whether an endpoint is told.
    #[derive(Serialize, serde::Deserialize, utoipa::ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum EndpointStatus {
        Enabled = "enabled",
        Disabled = "disabled",
    }

    /// Why it is not.
    #[derive(Serialize, utoipa::ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum DisabledReason {
        /// Its owner wants it so.
        Owner = "owner",
        /// It answered 410.
        Gone = "gone",
        /// Nothing was accepted for days.
        Failing = "failing",
    }

    /// How far a delivery is.
    #[derive(Serialize, serde::Deserialize, utoipa::ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum DeliveryState {
        Pending = "pending",
        Delivered = "delivered",
        Failed = "failed",
        /// What it was about was read, withdrawn or gone before.
        Skipped = "skipped",
    }

    /// Why there was no answer.
    pub enum NoAnswer {
        Timeout = "timeout",
        /// Nobody listens there.
        Connect = "connection_failed",
        /// The name has no address.
        Name = "name_not_found",
        /// Its address is none that webhooks may go to.
        Address = "address_refused",
        /// The connection broke, or what came was no answer.
        Broken = "connection_broken",
        /// The secret does not open any more.
        Secret = "secret_unreadable",
    }
}

/// Waits before the second attempt, the third, …: 75 hours in all.
const SCHEDULE: [u64; 10] = [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Longest that an endpoint may have us wait.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// An endpoint that accepted nothing for so long is disabled.
const PATIENCE: TimeDelta = TimeDelta::days(5);
/// How long an endpoint that is overloaded is left alone with everything else.
const REST: TimeDelta = TimeDelta::minutes(5);

/// What an attempt met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    Answered { status: u16, retry_after: Option<Duration> },
    Failed(NoAnswer),
}

impl Attempt {
    /// The status of the answer, if there was one.
    pub fn status(self) -> Option<i32> {
        match self {
            Self::Answered { status, .. } => Some(i32::from(status)),
            Self::Failed(_) => None,
        }
    }

    /// A stable word for what went wrong.
    pub fn error(self) -> Option<&'static str> {
        match self {
            Self::Answered { status: 200..=299, .. } => None,
            Self::Answered { status: 300..=399, .. } => Some("redirect_refused"),
            Self::Answered { .. } => Some("status"),
            Self::Failed(why) => Some(why.as_str()),
        }
    }

    /// Whether it was accepted. A redirect is not: what is signed for one place goes to no other.
    pub fn accepted(self) -> bool {
        self.error().is_none()
    }
}

/// What comes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Delivered,
    /// Tried again; everything else of the endpoint rests until then, if it is overloaded.
    Again {
        due: Timestamp,
        rest: Option<Timestamp>,
    },
    /// Not tried again by itself.
    GiveUp,
    /// The endpoint is disabled, and the delivery kept.
    Disable(DisabledReason),
}

/// Decides about the attempt after `attempts` earlier ones. `failing_since` is the endpoint's; `unit` in `[0, 1)` spreads
/// the waits by a fifth either way.
pub fn next(attempt: Attempt, attempts: i32, failing_since: Option<Timestamp>, now: Timestamp, unit: f64) -> Next {
    if attempt.accepted() {
        return Next::Delivered;
    }
    if matches!(attempt, Attempt::Answered { status: 410, .. }) {
        return Next::Disable(DisabledReason::Gone);
    }
    if failing_since.is_some_and(|since| now - since >= PATIENCE) {
        return Next::Disable(DisabledReason::Failing);
    }
    let Some(planned) = planned(attempts, unit) else { return Next::GiveUp };
    let (overloaded, asked) = match attempt {
        Attempt::Answered { status, retry_after } => (matches!(status, 429 | 502 | 503 | 504), retry_after),
        Attempt::Failed(why) => (why == NoAnswer::Timeout, None),
    };
    let wait = TimeDelta::from_std(planned.max(asked.unwrap_or_default())).unwrap_or(LONGEST).min(LONGEST);
    let rest = if asked.is_some() { wait } else { wait.min(REST) };
    Next::Again { due: now + wait, rest: overloaded.then_some(now + rest) }
}

/// The wait behind the attempt after `attempts` earlier ones; nothing behind the last.
pub fn planned(attempts: i32, unit: f64) -> Option<Duration> {
    let seconds = usize::try_from(attempts).ok().and_then(|done| SCHEDULE.get(done))?;
    Some(Duration::from_secs(*seconds).mul_f64(0.8 + 0.4 * unit.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Attempt {
        Attempt::Answered { status, retry_after: None }
    }

    fn wait(attempt: Attempt, attempts: i32, unit: f64) -> i64 {
        match next(attempt, attempts, None, Timestamp::default(), unit) {
            Next::Again { due, .. } => (due - Timestamp::default()).num_milliseconds(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn waits_grow_from_five_seconds_to_a_day_and_end() {
        assert_eq!((wait(answered(500), 0, 0.5), wait(answered(500), 1, 0.5)), (5_000, 30_000));
        assert_eq!(wait(answered(500), 9, 0.5), 86_400_000);
        assert_eq!(wait(answered(500), 9, 0.99), 86_400_000);
        assert_eq!((wait(answered(404), 0, 0.0), wait(answered(302), 0, 1.0)), (4_000, 6_000));
        assert_eq!(next(answered(500), 10, None, Timestamp::default(), 0.5), Next::GiveUp);
        for why in NoAnswer::ALL {
            assert_eq!(wait(Attempt::Failed(*why), 0, 0.5), 5_000, "{why}");
        }
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_day() {
        let asks = |seconds| Attempt::Answered { status: 429, retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!((wait(asks(120), 0, 0.5), wait(asks(1), 0, 0.5)), (120_000, 5_000));
        assert_eq!(wait(asks(u64::MAX), 0, 0.5), 86_400_000);
        let now = Timestamp::default();
        let until = now + TimeDelta::seconds(120);
        assert_eq!(next(asks(120), 0, None, now, 0.5), Next::Again { due: until, rest: Some(until) });
    }

    #[test]
    fn only_two_hundreds_are_accepted_gone_and_days_of_failure_disable() {
        let now = Timestamp::default();
        let ends = |status, since| next(answered(status), 0, since, now, 0.5);
        for status in [200, 202, 204, 299] {
            assert_eq!(ends(status, Some(now - TimeDelta::days(9))), Next::Delivered);
        }
        assert_eq!(ends(410, None), Next::Disable(DisabledReason::Gone));
        let days = |days| Some(now - TimeDelta::days(days));
        assert_eq!(ends(500, days(5)), Next::Disable(DisabledReason::Failing));
        assert!(matches!(ends(500, days(4)), Next::Again { rest: None, .. }));
        assert!(matches!(ends(503, None), Next::Again { rest: Some(_), .. }));
    }
}
