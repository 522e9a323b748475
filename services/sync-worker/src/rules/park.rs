//! When a parked message is looked at again, and when it is given up: Gmail may name a message long before it shows it,
//! so only a day of looks says that it is gone.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

postrider_domain::words! {
    /// Why a message is parked.
    pub enum Reason {
        /// Gmail named it and answers 404 for it.
        NotVisible = "not_visible",
        /// It cannot be stored or read, or Gmail answers for the mailbox but not for this mail.
        Poison = "poison",
    }
}

/// What happens after a failed look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Look again then.
    At(Timestamp),
    /// Four looks in a day found nothing: it is gone.
    GiveUp,
}

/// The next look after `attempts` failed ones.
pub fn next(reason: Reason, attempts: i32, now: Timestamp) -> Next {
    let wait = match attempts {
        i32::MIN..=0 => TimeDelta::minutes(1),
        1 => TimeDelta::minutes(10),
        2 => TimeDelta::hours(1),
        3 => TimeDelta::hours(24),
        _ => {
            return match reason {
                Reason::NotVisible => Next::GiveUp,
                // A parser that was mended, or Gmail that serves the mail again, heals it without anybody asking.
                Reason::Poison => Next::At(now + TimeDelta::hours(24)),
            };
        }
    };
    Next::At(now + wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{Clock, MockClock};

    #[test]
    fn looks_four_times_in_a_day_then_gives_up_only_what_is_not_there() {
        let now = MockClock::default().now();
        let waits: Vec<_> = (0..4).map(|n| next(Reason::NotVisible, n, now)).collect();
        assert_eq!(waits[0], Next::At(now + TimeDelta::minutes(1)));
        assert_eq!(waits[3], Next::At(now + TimeDelta::hours(24)));
        assert_eq!(next(Reason::NotVisible, 4, now), Next::GiveUp);
        assert_eq!(next(Reason::Poison, 4, now), Next::At(now + TimeDelta::hours(24)));
        assert_eq!(next(Reason::Poison, 400, now), Next::At(now + TimeDelta::hours(24)));
    }
}
