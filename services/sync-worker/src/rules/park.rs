//! When a parked message is looked at again, and when it is given up: Gmail may name a message long before it shows it,
//! so only a day of looks says that it is gone. A replica that is behind is so for seconds: soon at first, then seldom.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

postrider_domain::words! {
    /// Why a message is parked.
    pub enum Reason {
        /// Gmail named it and answers 404 for it.
        NotVisible = "not_visible",
        /// Gmail's answer is older than what led to it, or not complete yet.
        Stale = "stale",
        /// It cannot be stored or read, or Gmail answers for the mailbox but not for this mail.
        Poison = "poison",
    }
}

/// What happens after a failed look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Look again then.
    At(Timestamp),
    /// Enough: what was answered last is true.
    GiveUp,
}

/// Seconds from one look to the next.
const WAITS: [i64; 7] = [2, 5, 15, 60, 600, 3_600, 86_400];
/// An answer that is as old after so many looks is no replica's that is behind: a quarter of an hour has passed.
const STALE_LOOKS: i32 = 5;

/// The next look after `attempts` failed ones.
pub fn next(reason: Reason, attempts: i32, now: Timestamp) -> Next {
    if reason == Reason::Stale && attempts >= STALE_LOOKS {
        return Next::GiveUp;
    }
    match usize::try_from(attempts).map_or(WAITS.first(), |attempts| WAITS.get(attempts)) {
        Some(wait) => Next::At(now + TimeDelta::seconds(*wait)),
        // A parser that was mended, or Gmail that serves the mail again, heals it without anybody asking.
        None if reason == Reason::Poison => Next::At(now + TimeDelta::days(1)),
        None => Next::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{Clock, MockClock};

    #[test]
    fn looks_soon_then_seldom_and_gives_up_only_what_is_not_there_or_stays_old() {
        let now = MockClock::default().now();
        let plan = |reason| {
            (0..8).map(move |n| match next(reason, n, now) {
                Next::At(at) => (at - now).num_seconds(),
                Next::GiveUp => -1,
            })
        };
        assert!(plan(Reason::NotVisible).eq([2, 5, 15, 60, 600, 3_600, 86_400, -1]));
        assert!(plan(Reason::Stale).eq([2, 5, 15, 60, 600, -1, -1, -1]));
        assert!(plan(Reason::Poison).eq([2, 5, 15, 60, 600, 3_600, 86_400, 86_400]));
        assert_eq!(next(Reason::Poison, 400, now), Next::At(now + TimeDelta::hours(24)));
    }
}
