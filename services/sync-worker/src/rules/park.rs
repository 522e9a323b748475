//! When a parked message is looked at again, and when it is given up: Gmail may name a message long before it shows it,
//! so only a day of looks says that it is gone. A replica that is behind is so for seconds: soon at first, then seldom.

use chrono::TimeDelta;
use postrider_domain::{HistoryId, MessageId, ThreadId, Timestamp, text};

use super::change::Change;
use super::unseen::UNREADABLE;

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

/// A parked message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    pub message_id: MessageId,
    pub thread_id: Option<ThreadId>,
    pub history_id: HistoryId,
    pub reason: Reason,
    /// A record added it: announce it once it is there.
    pub live: bool,
    /// Entries of the ledger that wait here.
    pub changes: i32,
    pub attempts: i32,
    pub next_attempt_at: Option<Timestamp>,
    pub last_error: String,
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

/// The row of the parking lot; `None` when the message is given up. Whether it is live is the caller's to say.
pub fn parking(
    change: &Change,
    waiting: Option<&Parked>,
    reason: Reason,
    error: &str,
    look: bool,
    now: Timestamp,
) -> Option<Parked> {
    let (attempts, next_attempt_at) = match waiting {
        Some(parked) if look => {
            // Each reason has a schedule of its own: one 404 after a week of others is the first of its kind.
            let attempts = if parked.reason == reason { parked.attempts + 1 } else { 0 };
            match next(reason, attempts, now) {
                Next::At(at) => (attempts, Some(at)),
                Next::GiveUp => return None,
            }
        }
        // New records do not hurry the schedule, and do not end it.
        Some(parked) => (parked.attempts, parked.next_attempt_at),
        None if change.message_id.as_str().starts_with(UNREADABLE) => (0, None),
        None => match next(reason, 0, now) {
            Next::At(at) => (0, Some(at)),
            Next::GiveUp => (0, Some(now)),
        },
    };
    Some(Parked {
        message_id: change.message_id.clone(),
        thread_id: change.thread_id.clone().or_else(|| waiting.and_then(|parked| parked.thread_id.clone())),
        // A look without records raises nothing: what waits is as new as the records that led there.
        history_id: match waiting {
            Some(parked) if change.entries == 0 => parked.history_id,
            Some(parked) => parked.history_id.max(change.last),
            None => change.last,
        },
        reason,
        live: false,
        changes: change.entries + waiting.map_or(0, |parked| parked.changes),
        attempts,
        next_attempt_at,
        last_error: text::without_nul(text::truncate(error, 500).to_owned()),
    })
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
