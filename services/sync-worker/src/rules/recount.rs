//! Gmail tells for one unit how many mails a mailbox has. While nothing moves, the mirror has as many; where it has not, twice
//! in a row, something was lost that no record tells of, and the next audit need not wait for its day.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::settle::{Standing, VISIBLE_AFTER};

/// Between two comparisons. Polls come up to a tenth early, so a little less than ten minutes.
const EVERY: TimeDelta = TimeDelta::seconds(540);
/// Between two audits that began because of one: what an audit cannot mend must not begin it again and again.
const AUDIT_EVERY: TimeDelta = TimeDelta::hours(24);

/// What is known of comparisons before this one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    pub at: Option<Timestamp>,
    /// The counts differed then.
    pub off: bool,
    /// When an audit last began because of them.
    pub recounted_at: Option<Timestamp>,
}

/// What a comparison means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Same,
    /// They differ: once may be a moment's difference.
    Off,
    /// They differ again.
    Audit,
}

impl Outcome {
    /// Its word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Off => "off",
            Self::Audit => "audit",
        }
    }
}

/// Whether counts can be compared now: long enough after the last time, and while nothing moves or may still be hidden.
pub fn is_due(counted: Counted, standing: &Standing, entry_at: Option<Timestamp>, now: Timestamp) -> bool {
    let still = entry_at.is_none_or(|at| now - at > VISIBLE_AFTER) && standing.settled >= standing.seen_head;
    let right = standing.gone.is_none() && standing.back.is_none();
    still && right && counted.at.is_none_or(|at| now - at >= EVERY)
}

/// What it means that Gmail and the mirror have so many.
pub fn compare(counted: Counted, gmail: u64, mirror: u64, now: Timestamp) -> Outcome {
    match gmail == mirror {
        true => Outcome::Same,
        false if counted.off && counted.recounted_at.is_none_or(|at| now - at >= AUDIT_EVERY) => Outcome::Audit,
        false => Outcome::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{Clock, HistoryId, MockClock};

    #[test]
    fn two_differences_in_a_row_begin_an_audit_and_another_one_a_day_later() {
        let now = MockClock::default().now();
        let mut counted = Counted::default();
        let mut told = Vec::new();
        for (minutes, mirror) in [(0, 9), (10, 10), (20, 9), (30, 9), (40, 9), (50, 9), (1_469, 9), (1_470, 9)] {
            let at = now + TimeDelta::minutes(minutes);
            let outcome = compare(counted, 10, mirror, at);
            let recounted_at = if outcome == Outcome::Audit { Some(at) } else { counted.recounted_at };
            counted = Counted { at: Some(at), off: outcome != Outcome::Same, recounted_at };
            told.push(outcome.as_str());
        }
        assert_eq!(told, ["off", "same", "off", "audit", "off", "off", "off", "audit"]);
    }

    #[test]
    fn counts_are_compared_every_ten_minutes_while_nothing_moves() {
        let now = MockClock::default().now();
        let id = HistoryId(7);
        let still = Standing {
            settled: id,
            cursor: id,
            seen_head: id,
            seen_head_at: now,
            caught_up_at: now,
            gone: None,
            back: None,
            renumbered_at: None,
        };
        let at = |seconds| Counted { at: Some(now - TimeDelta::seconds(seconds)), ..Counted::default() };
        assert!(is_due(Counted::default(), &still, None, now));
        assert!(is_due(at(540), &still, None, now));
        assert!(!is_due(at(539), &still, None, now));
        assert!(!is_due(at(540), &still, Some(now - VISIBLE_AFTER), now), "a record that may not be the last");
        assert!(!is_due(at(540), &Standing { seen_head: HistoryId(8), ..still }, None, now), "records that are hidden");
        assert!(!is_due(at(540), &Standing { gone: Some((now, id)), ..still }, None, now));
        assert!(!is_due(at(540), &Standing { back: Some((now, id)), ..still }, None, now));
    }
}
