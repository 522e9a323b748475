//! A new secret beside the one in use.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

/// Time to give the other side the new one.
pub const BOTH: TimeDelta = TimeDelta::hours(24);

/// Which secret is good beside a new one, and until when, after `replaced` was replaced. Asked for again within that time (a
/// double click, an answer that got lost), it is still the one that was in use: nobody has told the other side of one that
/// was made in between.
pub fn former<T>(replaced: T, known: Option<T>, until: Option<Timestamp>, now: Timestamp) -> (T, Timestamp) {
    match (known, until) {
        (Some(known), Some(until)) if now < until => (known, until),
        _ => (replaced, now + BOTH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_in_use_stays_for_its_day_however_often_it_is_asked() {
        let start = Timestamp::default();
        let (known, until) = former("a", None, None, start);
        assert_eq!((known, until), ("a", start + BOTH));
        let later = start + TimeDelta::hours(1);
        assert_eq!(former("b", Some(known), Some(until), later), ("a", until));
        assert_eq!(former("c", Some(known), Some(until), until), ("c", until + BOTH));
    }
}
