//! Verdicts for a batch of messages, with the parking lot and the ledger kept in step. No IO.

use chrono::TimeDelta;
use postrider_domain::{MessageId, Timestamp, Version};

use crate::rules::decide::{End, Known, Learned, Verdict, end, verdict};
use crate::rules::fold::Action;
use crate::rules::park::{self, Next, Reason};
use crate::store::ledger::Tally;
use crate::store::parked::Parked;

/// Message ids we made for entries that named none; they are never asked for.
pub const UNREADABLE: &str = "unreadable.";

/// What is known of one message when it is decided.
pub struct Row<'a> {
    pub action: &'a Action,
    pub known: Option<&'a Known>,
    pub waiting: Option<&'a Parked>,
    pub learned: Option<Learned>,
}

/// What becomes of one message.
pub struct Fate<'a> {
    pub verdict: Verdict,
    pub known: Option<&'a Known>,
    /// A history record added it, now or when it was parked.
    pub live: bool,
}

/// What becomes of a batch.
#[derive(Default)]
pub struct Plan<'a> {
    pub fates: Vec<Fate<'a>>,
    pub park: Vec<Parked>,
    pub unpark: Vec<MessageId>,
    pub tally: Tally,
}

impl<'a> Plan<'a> {
    /// Decides one message. `look` = this is a scheduled look at a parked one.
    pub fn add(&mut self, row: Row<'a>, generation: i32, look: bool, now: Timestamp) {
        let mut verdict = verdict(row.action, row.known, row.learned.as_ref(), generation);
        let live = row.action.added.is_some() || row.waiting.is_some_and(|parked| parked.live);
        if let Verdict::Park { reason, error } = &verdict {
            match parking(&row, (*reason, error), look, now) {
                Some(parked) => self.park.push(Parked { live, ..parked }),
                None => verdict = given_up(&row, generation),
            }
        }
        let end = end(row.action, row.known, &verdict);
        self.count(&row, end);
        if end != End::Parked && row.waiting.is_some() {
            self.unpark.push(row.action.message_id.clone());
        }
        self.fates.push(Fate { verdict, known: row.known, live });
    }

    /// Entries of this action, and those that waited, go where the message goes.
    fn count(&mut self, row: &Row<'_>, end: End) {
        let fresh = i64::from(row.action.changes);
        let waited = row.waiting.map_or(0, |parked| i64::from(parked.changes));
        self.tally.seen += fresh;
        match end {
            End::Parked => self.tally.parked += fresh,
            End::Applied => self.tally.applied += fresh + waited,
            End::Tombstoned => self.tally.tombstoned += fresh + waited,
        }
        if end != End::Parked {
            self.tally.parked -= waited;
        }
    }
}

/// The row of the parking lot; `None` when the message is given up. Whether it is live is the caller's to say.
fn parking(row: &Row<'_>, (reason, error): (Reason, &str), look: bool, now: Timestamp) -> Option<Parked> {
    let (attempts, next_attempt_at) = match row.waiting {
        Some(parked) if look => match park::next(reason, parked.attempts + 1, now) {
            Next::At(at) => (parked.attempts + 1, Some(at)),
            Next::GiveUp => return None,
        },
        // New records do not hurry the schedule, and do not end it.
        Some(parked) => (parked.attempts, parked.next_attempt_at),
        None if row.action.message_id.as_str().starts_with(UNREADABLE) => (0, None),
        None => match park::next(reason, 0, now) {
            Next::At(at) => (0, Some(at)),
            Next::GiveUp => (0, Some(now + TimeDelta::minutes(1))),
        },
    };
    Some(Parked {
        message_id: row.action.message_id.clone(),
        thread_id: row.action.thread_id.clone().or_else(|| row.waiting.and_then(|parked| parked.thread_id.clone())),
        history_id: row.waiting.map_or(row.action.last, |parked| parked.history_id.max(row.action.last)),
        reason,
        live: false,
        changes: row.action.changes + row.waiting.map_or(0, |parked| parked.changes),
        attempts,
        next_attempt_at,
        last_error: postrider_domain::text::without_nul(postrider_domain::text::truncate(error, 500).to_owned()),
    })
}

/// Nothing was there for a day: a tombstone, newer than whatever the mirror knows.
fn given_up(row: &Row<'_>, generation: i32) -> Verdict {
    let last = row.waiting.map_or(row.action.last, |parked| parked.history_id.max(row.action.last));
    let version = Version::new(generation, last);
    match row.known {
        Some(known) if known.version > version => Verdict::Current,
        _ => Verdict::Tombstone { version },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{Clock, HistoryId, MockClock};

    fn action(changes: i32) -> Action {
        Action { changes, ..Action::look_at(MessageId::parse("m").unwrap(), None, HistoryId(5)) }
    }

    #[test]
    fn entries_are_counted_once_from_parking_to_the_end() {
        let now = MockClock::default().now();
        let (first, look) = (action(2), action(0));
        let mut plan = Plan::default();
        plan.add(Row { action: &first, known: None, waiting: None, learned: Some(Learned::Missing) }, 1, false, now);
        assert_eq!(plan.tally, Tally { seen: 2, parked: 2, ..Tally::default() });
        let parked = Parked { attempts: 4, ..plan.park[0].clone() };
        let mut plan = Plan::default();
        plan.add(
            Row { action: &look, known: None, waiting: Some(&parked), learned: Some(Learned::Missing) },
            1,
            true,
            now,
        );
        assert_eq!(plan.tally, Tally { tombstoned: 2, parked: -2, ..Tally::default() });
        assert!(matches!(plan.fates[0].verdict, Verdict::Tombstone { .. }));
        assert_eq!(plan.unpark.len(), 1);
    }
}
