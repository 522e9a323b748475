//! Pushes to browsers: what comes of an attempt. No IO.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::webhook::{Attempt, planned};

/// How long a push service keeps a message for a browser that is away, and how long we try to hand it over: later it is
/// no news any more.
pub const LIFE: TimeDelta = TimeDelta::hours(24);

/// What comes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Delivered,
    /// The push service does not know the browser any more.
    Gone,
    Again(Timestamp),
    GiveUp,
}

/// Decides about the attempt after `attempts` earlier ones on a message that was due first at `since`.
pub fn next(attempt: Attempt, attempts: i32, since: Timestamp, now: Timestamp, unit: f64) -> Next {
    if attempt.accepted() {
        return Next::Delivered;
    }
    // These two alone say that there is no such subscription; anything else may be over in a minute, or be our mistake.
    if matches!(attempt, Attempt::Answered { status: 404 | 410, .. }) {
        return Next::Gone;
    }
    let asked = match attempt {
        Attempt::Answered { retry_after, .. } => retry_after.unwrap_or_default(),
        Attempt::Failed(_) => std::time::Duration::ZERO,
    };
    let wait = planned(attempts, unit).and_then(|planned| TimeDelta::from_std(planned.max(asked)).ok());
    match wait.and_then(|wait| now.checked_add_signed(wait)) {
        Some(due) if due < since + LIFE => Next::Again(due),
        _ => Next::GiveUp,
    }
}

/// Whether the push service does not take our own key: nothing of the browser's.
pub fn refuses_our_key(attempt: Attempt) -> bool {
    matches!(attempt, Attempt::Answered { status: 401 | 403, .. })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rules::webhook::NoAnswer;

    fn after(attempt: Attempt, attempts: i32, hours: i64) -> Next {
        let since = Timestamp::default();
        next(attempt, attempts, since, since + TimeDelta::hours(hours), 0.5)
    }

    #[test]
    fn a_browser_is_forgotten_by_404_and_410_and_by_nothing_else() {
        for status in 100..=599 {
            let ended = after(Attempt::Answered { status, retry_after: None }, 0, 0);
            assert_eq!(ended == Next::Gone, [404, 410].contains(&status), "{status}");
            assert_eq!(ended == Next::Delivered, (200..300).contains(&status), "{status}");
        }
        for why in NoAnswer::ALL {
            assert!(matches!(after(Attempt::Failed(*why), 0, 0), Next::Again(_)), "{why}");
        }
    }

    #[test]
    fn it_is_tried_for_a_day_and_no_longer() {
        let busy = |seconds| Attempt::Answered { status: 429, retry_after: Some(Duration::from_secs(seconds)) };
        let minutes = |count| Next::Again(Timestamp::default() + TimeDelta::minutes(count));
        assert_eq!((after(busy(1_800), 0, 0), after(busy(1), 3, 0)), (minutes(30), minutes(30)));
        assert_eq!(after(busy(3_600), 0, 23), Next::GiveUp);
        assert_eq!(after(busy(u64::MAX), 0, 0), Next::GiveUp);
        assert_eq!(after(busy(1), 10, 0), Next::GiveUp);
    }
}
