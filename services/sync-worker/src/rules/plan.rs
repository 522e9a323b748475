//! What becomes of a batch of messages, with the parking lot and the ledger kept in step.

use postrider_domain::{HistoryId, MessageId, Timestamp};

use super::change::Change;
use super::change::Known;
use super::decide::{End, Row, Waits, end, row};
use super::ids::Ids;
use super::park::{self, Next, Reason};
use super::settle::VISIBLE_AFTER;
use super::unseen::UNREADABLE;
use crate::content::fetched::Fetched;
use crate::store::ledger::Tally;
use crate::store::parked::Parked;

/// All that is at hand of one message when it is decided.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub change: &'a Change,
    pub fetched: Option<&'a Fetched>,
    pub known: Option<&'a Known>,
    pub waiting: Option<&'a Parked>,
}

impl<'a> Message<'a> {
    /// A message of which the mirror was not asked yet.
    pub fn new(change: &'a Change, fetched: Option<&'a Fetched>) -> Self {
        Self { change, fetched, known: None, waiting: None }
    }
}

/// What becomes of one message.
pub struct Decided {
    pub row: Row,
    /// A history record added it, now or when it was parked.
    pub live: bool,
}

/// How far the mirror had come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ground {
    pub settled: HistoryId,
    /// When the last complete look began.
    pub caught_up_at: Timestamp,
    /// The first run came to its end.
    pub first_synced: bool,
}

/// What becomes of a batch.
pub struct Plan {
    ids: Ids,
    ground: Ground,
    /// These are scheduled looks at parked messages.
    look: bool,
    now: Timestamp,
    pub park: Vec<Parked>,
    pub unpark: Vec<MessageId>,
    pub tally: Tally,
}

impl Plan {
    pub fn new(ids: Ids, ground: Ground, look: bool, now: Timestamp) -> Self {
        Self { ids, ground, look, now, park: Vec::new(), unpark: Vec::new(), tally: Tally::default() }
    }

    /// Decides one message.
    pub fn decide(&mut self, message: &Message<'_>) -> Decided {
        let waits = Waits(message.waiting.filter(|parked| parked.changes > 0).map(|parked| parked.history_id));
        let decide = |ids: &Ids| row(message.change, message.known, message.fetched, waits, ids);
        let mut row = decide(&self.ids);
        let live = self.is_news(message) || message.waiting.is_some_and(|parked| parked.live);
        if let Row::Park { reason, error } = &row {
            match parking(message, *reason, error, self.look, self.now) {
                Some(parked) => self.park.push(Parked { live, ..parked }),
                None => {
                    row = match reason {
                        Reason::Stale => decide(&self.ids.taking()),
                        Reason::NotVisible | Reason::Poison => given_up(message, &self.ids),
                    }
                }
            }
        }
        let end = end(message.change, message.known, &row);
        self.count(message, end);
        if end != End::Parked && message.waiting.is_some() {
            self.unpark.push(message.change.message_id.clone());
        }
        Decided { row, live }
    }

    /// Whether records say that the mail came just now.
    fn is_news(&self, message: &Message<'_>) -> bool {
        let Message { change, known, .. } = message;
        // A record that only names a mail says so of one that nobody knew, or that a run stored while the record was hidden.
        let fresh = |known: &Known| known.received_at >= self.ground.caught_up_at - VISIBLE_AFTER;
        let named = change.named.is_some() && known.is_none_or(|known| !known.announced && fresh(known));
        // While ids are back, history may show again what was there before they went, or before there was a mirror.
        let old = known.is_some() || !self.ground.first_synced;
        let again = |record: HistoryId| self.ids.take && old && record <= self.ground.settled;
        named || change.added.is_some_and(|record| !again(record))
    }

    /// Entries of this change, and those that waited, go where the message goes.
    fn count(&mut self, message: &Message<'_>, end: End) {
        let fresh = i64::from(message.change.entries);
        let waited = message.waiting.map_or(0, |parked| i64::from(parked.changes));
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
fn parking(message: &Message<'_>, reason: Reason, error: &str, look: bool, now: Timestamp) -> Option<Parked> {
    let (attempts, next_attempt_at) = match message.waiting {
        Some(parked) if look => {
            // Each reason has a schedule of its own: one 404 after a week of others is the first of its kind.
            let attempts = if parked.reason == reason { parked.attempts + 1 } else { 0 };
            match park::next(reason, attempts, now) {
                Next::At(at) => (attempts, Some(at)),
                Next::GiveUp => return None,
            }
        }
        // New records do not hurry the schedule, and do not end it.
        Some(parked) => (parked.attempts, parked.next_attempt_at),
        None if message.change.message_id.as_str().starts_with(UNREADABLE) => (0, None),
        None => match park::next(reason, 0, now) {
            Next::At(at) => (0, Some(at)),
            Next::GiveUp => (0, Some(now)),
        },
    };
    Some(Parked {
        message_id: message.change.message_id.clone(),
        thread_id: message
            .change
            .thread_id
            .clone()
            .or_else(|| message.waiting.and_then(|parked| parked.thread_id.clone())),
        // A look without records raises nothing: what waits is as new as the records that led there.
        history_id: match message.waiting {
            Some(parked) if message.change.entries == 0 => parked.history_id,
            Some(parked) => parked.history_id.max(message.change.last),
            None => message.change.last,
        },
        reason,
        live: false,
        changes: message.change.entries + message.waiting.map_or(0, |parked| parked.changes),
        attempts,
        next_attempt_at,
        last_error: postrider_domain::text::without_nul(postrider_domain::text::truncate(error, 500).to_owned()),
    })
}

/// Nothing was there for a day: a tombstone, as new as whatever the mirror knows.
fn given_up(message: &Message<'_>, ids: &Ids) -> Row {
    let last = message.waiting.map_or(message.change.last, |parked| parked.history_id.max(message.change.last));
    let version = ids.version(last);
    Row::Tombstone { version: message.known.map_or(version, |known| known.version.max(version)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{Clock, MockClock};

    fn change(entries: i32) -> Change {
        Change { entries, ..Change::look_at(MessageId::parse("m").unwrap(), None, HistoryId(5)) }
    }

    #[test]
    fn entries_are_counted_once_from_parking_to_the_end() {
        let now = MockClock::default().now();
        let (first, look) = (change(2), change(0));
        let mut plan = Plan::new(Ids::rising(1), Ground::default(), false, now);
        plan.decide(&Message::new(&first, Some(&Fetched::Missing)));
        assert_eq!(plan.tally, Tally { seen: 2, parked: 2, ..Tally::default() });
        let parked = Parked { attempts: 7, ..plan.park[0].clone() };
        let mut plan = Plan::new(Ids::rising(1), Ground::default(), true, now);
        let decided = plan.decide(&Message { waiting: Some(&parked), ..Message::new(&look, Some(&Fetched::Missing)) });
        assert_eq!(plan.tally, Tally { tombstoned: 2, parked: -2, ..Tally::default() });
        assert!(matches!(decided.row, Row::Tombstone { .. }));
        assert_eq!(plan.unpark.len(), 1);
    }
}
