//! Whether Gmail answered lately, from real calls: health never makes calls of its own.

use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use postrider_domain::Timestamp;

/// How long a call's outcome says anything about now.
const WINDOW: TimeDelta = TimeDelta::minutes(5);

/// The last good and the last bad answer of Gmail.
#[derive(Debug, Default)]
pub struct RecentCalls(Mutex<Seen>);

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    good: Option<Timestamp>,
    bad: Option<Timestamp>,
}

impl RecentCalls {
    /// Notes a call. `reached` is false only when Gmail itself failed (5xx, no answer), not when it refused a request.
    pub fn note(&self, reached: bool, now: Timestamp) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reached { seen.good = Some(now) } else { seen.bad = Some(now) }
    }

    /// True or false by the latest call of the last five minutes; nothing when there was none.
    pub fn verdict(&self, now: Timestamp) -> Option<bool> {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |at: Option<Timestamp>| at.filter(|at| now - *at <= WINDOW);
        match (fresh(seen.good), fresh(seen.bad)) {
            (None, None) => None,
            (good, bad) => Some(good >= bad),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_of_the_last_five_minutes_only() {
        let (calls, start) = (RecentCalls::default(), Timestamp::default());
        assert_eq!(calls.verdict(start), None);
        calls.note(true, start);
        assert_eq!(calls.verdict(start), Some(true));
        calls.note(false, start + TimeDelta::seconds(1));
        assert_eq!(calls.verdict(start + TimeDelta::seconds(2)), Some(false));
        assert_eq!(calls.verdict(start + TimeDelta::minutes(6)), None);
    }
}
